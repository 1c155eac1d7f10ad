"""The admin of rate sheets: versions, usage groups and rates."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from billing.models import Rate, RateSheet, RateSheetVersion, UsageGroup
from billing.scoped_admin import ScopedInline
from usage.admin.exporting import Exporting
from usage.admin.rated import RatedAdmin
from usage.admin.uploaded import UploadedModelAdmin
from usage.models import Call, UploadKind

# Django's own class takes a type argument in its stub alone.
if TYPE_CHECKING:
    SheetModelForm = forms.ModelForm[RateSheet]
    VersionModelForm = forms.ModelForm[RateSheetVersion]
else:
    SheetModelForm = VersionModelForm = forms.ModelForm


def open_predecessors(version: RateSheetVersion) -> QuerySet[RateSheetVersion]:
    """Return the open-ended version of the sheet, if any, that this version ends."""
    return RateSheetVersion.objects.filter(
        rate_sheet=version.rate_sheet_id, effective_through=None, effective_from__lt=version.effective_from
    )


def end_open_predecessor(version: RateSheetVersion) -> None:
    """End an open predecessor the day before a new version begins."""
    last_day = version.effective_from - timedelta(days=1)
    open_predecessors(version).update(effective_through=last_day, is_ended_by_successor=True)


class SheetForm(SheetModelForm):
    """The form of a sheet, whose currency is fixed once a call was rated with it."""

    def clean_currency(self) -> str:
        """Refuse to change the currency under calls that were rated with it."""
        currency = str(self.cleaned_data["currency"])
        if self.instance.pk and "currency" in self.changed_data:
            rated = Call.objects.filter(rate_sheet_version__rate_sheet=self.instance.pk, rate_per_minute__isnull=False)
            if rated.exists():
                raise forms.ValidationError(
                    f"Calls were rated with this sheet in {self.initial['currency']}, so its currency cannot change. "
                    f"Add another sheet for {currency}."
                )
        return currency


class VersionForm(VersionModelForm):
    """The form of a version; a new one is validated as if its predecessor had ended."""

    def _post_clean(self) -> None:
        is_new = self.instance.pk is None
        if not (is_new and self.cleaned_data.get("rate_sheet") and self.cleaned_data.get("effective_from")):
            super()._post_clean()  # type: ignore[misc]  # Django's own hook, absent from its stub
            return
        with transaction.atomic():
            self.instance.rate_sheet = self.cleaned_data["rate_sheet"]
            self.instance.effective_from = self.cleaned_data["effective_from"]
            end_open_predecessor(self.instance)
            super()._post_clean()  # type: ignore[misc]  # as above
            transaction.set_rollback(True)


class VersionInline(ScopedInline):
    """The versions of a sheet, as a list of links."""

    model = RateSheetVersion
    show_change_link = True
    fields = ["effective_from", "effective_through", "increment_seconds", "minimum_seconds"]

    def has_add_permission(self, request: HttpRequest, *_of: Any) -> bool:
        """Return False: versions are added on their own page, which ends an open predecessor."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """On a page of its own."""
        return False

    has_delete_permission = has_change_permission


@admin.register(RateSheet)
class RateSheetAdmin(RatedAdmin):
    section = "Charges and rates"
    icon = "sheet"
    form = SheetForm
    list_display = ["name", "currency"]
    search_fields = ["name"]
    inlines = [VersionInline]


@admin.register(RateSheetVersion)
class RateSheetVersionAdmin(RatedAdmin):
    """A price list as valid from one day through another."""

    section = "Charges and rates"
    icon = "sheet"
    form = VersionForm
    list_display = ["rate_sheet", "effective_from", "effective_through", "currency"]
    list_filter = ["rate_sheet"]
    list_select_related = ["rate_sheet"]
    search_fields = ["rate_sheet__name"]

    @admin.display(description="currency")
    def currency(self, version: RateSheetVersion) -> str:
        """Return the currency of the sheet."""
        return version.rate_sheet.currency

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save a version after ending its open predecessor; a last day entered by hand counts as stated."""
        if not change:
            end_open_predecessor(obj)
        if "effective_through" in form.changed_data:
            obj.is_ended_by_successor = False
        super().save_model(request, obj, form, change)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Make the sheet read-only: a version never moves to another one."""
        return [] if obj is None else ["rate_sheet"]


class RateInline(ScopedInline):
    """The rates of a usage group."""

    model = Rate


@admin.register(UsageGroup)
class UsageGroupAdmin(RatedAdmin):
    """The usage groups of a version, each with its rates."""

    section = "Charges and rates"
    list_display = ["code", "display_name", "version"]
    list_filter = ["version__rate_sheet"]
    list_select_related = ["version__rate_sheet"]
    search_fields = ["code", "display_name"]
    autocomplete_fields = ["version"]
    inlines = [RateInline]

    def dependents(self, instance: UsageGroup) -> list[str]:
        """Return what deleting affects: also calls shown under the group's name, which no foreign key protects."""
        calls = Call.objects.filter(rate_sheet_version=instance.version_id, usage_group=instance.code)
        return sorted([*super().dependents(instance), *(["calls"] if calls.exists() else [])])


@admin.register(Rate)
class RateAdmin(UploadedModelAdmin, Exporting, RatedAdmin):
    export_kind = UploadKind.RATES
    section = "Charges and rates"
    list_display = ["usage_group", "call_type", "direction", "rate_per_minute", "version"]
    list_filter = ["usage_group__version__rate_sheet", "direction"]
    list_select_related = ["usage_group__version__rate_sheet"]
    search_fields = ["usage_group__code", "usage_group__display_name", "call_type"]
    autocomplete_fields = ["usage_group"]

    @admin.display(description="rate sheet")
    def version(self, rate: Rate) -> str:
        """Return the version that holds the rate."""
        return str(rate.usage_group.version)
