"""The admin of subscriptions, the contracts."""

from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest

from billing.cycles import ONE_DAY, DateRange
from billing.models import Subscription, TelcoCommitDiscount
from billing.scoped_admin import AccountFilter, ScopedInline
from usage.admin.exporting import Exporting
from usage.admin.rated import RatedAdmin
from usage.admin.uploaded import UploadedModelAdmin
from usage.models import Call, LoginSession, ResourceUsage, UploadKind

# Django's own class takes type arguments in its stub alone.
if TYPE_CHECKING:
    InlineFormSet = BaseInlineFormSet[TelcoCommitDiscount, Subscription, Any]
else:
    InlineFormSet = BaseInlineFormSet


class DiscountFormSet(InlineFormSet):
    """Checks the discounts of one page against each other; the database is checked for each of them."""

    def clean(self) -> None:
        """Refuse discounts whose days overlap."""
        super().clean()
        kept = [form.cleaned_data for form in self.forms if form not in self.deleted_forms and form.is_valid()]
        days = sorted(
            (row.get("effective_from") or date.min, row.get("effective_through") or date.max)
            for row in kept
            if row.get("percent") is not None
        )
        if any(later[0] <= earlier[1] for earlier, later in pairwise(days)):
            raise ValidationError("Two of the discounts hold on the same days.")


class DiscountInline(ScopedInline):
    """The Telco Commit discounts of a subscription; its account is the subscription's."""

    model = TelcoCommitDiscount
    formset = DiscountFormSet
    fields = ["percent", "effective_from", "effective_through"]


@admin.register(Subscription)
class SubscriptionAdmin(UploadedModelAdmin, Exporting, RatedAdmin):
    icon = "subscription"
    export_kind = UploadKind.SUBSCRIPTIONS
    list_display = ["number", "account", "activation_date", "ended_on", "currency", "rate_sheet"]
    list_filter = [("account", AccountFilter)]
    list_select_related = ["account", "rate_sheet"]
    search_fields = ["number", "account__name", "account__code"]
    inlines = [DiscountInline]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Make the account read-only: a contract never moves to another customer."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else ["account", *fields]

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save discounts with the account of their subscription."""
        for discount in formset.forms:
            discount.instance.account_id = formset.instance.account_id
        super().save_formset(request, form, formset, change)

    def dependents(self, instance: Subscription) -> list[str]:
        """Return what deleting affects: its reports, and usage in its window, which no foreign key protects."""
        last_day = min(instance.ended_on or date.max, date.max - ONE_DAY)  # the next one is a day too
        period = DateRange(instance.activation_date, last_day).period
        used: list[QuerySet[Any]] = [
            LoginSession.objects.started_within(period),
            Call.objects.started_within(period),
            ResourceUsage.objects.used_within(period),
        ]
        found = [rows.model for rows in used if rows.filter(account=instance.account_id).exists()]
        return sorted({*super().dependents(instance), *(str(model._meta.verbose_name_plural) for model in found)})
