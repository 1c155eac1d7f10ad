"""The admin of every model: nobody sees through it what `visible_to` does not show them, and staff alone write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin import options
from django.db import IntegrityError
from django.db.models import PROTECT, ForeignKey, ManyToManyField, QuerySet
from django.forms import ModelChoiceField, ModelMultipleChoiceField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.text import get_text_list

from billing.models import Account, Administrator

# The classes of Django's admin take type arguments in its stubs alone.
if TYPE_CHECKING:
    BaseModelAdmin = options.BaseModelAdmin[Any]
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    BaseModelAdmin = options.BaseModelAdmin
    ModelAdmin = admin.ModelAdmin
    TabularInline = admin.TabularInline


def platform_staff(request: HttpRequest) -> Administrator | None:
    """Return the signed-in administrator if they are platform staff; None for customers and for strangers."""
    administrator = request.user
    if isinstance(administrator, Administrator) and administrator.is_active and administrator.is_platform_staff:
        return administrator
    return None


def visible(queryset: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
    """The rows that the person asking may see; of models that belong to no account, all or, for customers, none."""
    if hasattr(queryset, "visible_to"):
        return queryset.visible_to(request.user)  # type: ignore[no-any-return]  # every visible_to returns its own set
    return queryset if platform_staff(request) else queryset.none()


def _filtered_by(item: Any) -> str:
    """The field or parameter that an item of a `list_filter` is about."""
    if isinstance(item, (tuple, list)):
        return str(item[0])
    return str(getattr(item, "parameter_name", item))


class AccountFilter(admin.RelatedFieldListFilter):
    """A filter by account that offers the accounts one may see, and does not read the rows to find them."""

    def field_choices(
        self,
        field: Any,
        request: HttpRequest,
        model_admin: ModelAdmin,
    ) -> list[tuple[str, Any]]:
        """The visible accounts, by name."""
        return [(str(account.pk), str(account)) for account in Account.objects.visible_to(request.user)]  # type: ignore[arg-type]  # signed in


class Scoped(BaseModelAdmin):
    """What the admin of a model and its inlines share: form fields hold visible objects alone; staff alone write."""

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        """A drop-down, and what a forged request may name, is what one may see."""
        kwargs.setdefault("queryset", visible(db_field.related_model._default_manager.all(), request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelMultipleChoiceField[Any] | None:
        """As with foreign keys."""
        kwargs.setdefault("queryset", visible(db_field.related_model._default_manager.all(), request))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Platform staff who hold the permission; never a customer's administrator, whatever theirs say."""
        return bool(platform_staff(request)) and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, *of: Any) -> bool:
        """As with viewing; an inline is told the object that it would add to."""
        return bool(platform_staff(request)) and super().has_add_permission(request, *of)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As with viewing."""
        return bool(platform_staff(request)) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As with viewing."""
        return bool(platform_staff(request)) and super().has_delete_permission(request, obj)


class ScopedInline(Scoped, TabularInline):
    """Rows edited on the page of what they belong to."""

    extra = 0


class ScopedAdmin(Scoped, ModelAdmin):
    """The base of every ModelAdmin of the project."""

    section = "Billing"
    icon = "item"
    view_on_site = False
    show_full_result_count = False
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER  # a facet is a full count per choice

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """What one may see: lists, look-ups by number, autocompletes and history all start here."""
        return visible(super().get_queryset(request), request)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """What the filters of the list offer, and nothing else.

        Django lets an address ask about any field of the model: how a password begins, one guess after the other.
        """
        offered = {_filtered_by(item) for item in self.get_list_filter(request)}
        return lookup.removesuffix("__isnull").removesuffix("__exact").removesuffix("__id") in offered

    def has_module_permission(self, request: HttpRequest) -> bool:
        """The index names the model for staff who may view it."""
        return self.has_view_permission(request) or self.has_add_permission(request)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The object, if one may see it, else a 404: another's is as good as missing.

        Django would ask for permission first, and then redirect to the index with a message.
        """
        instance = super().get_object(request, object_id, from_field)
        if instance is None:
            raise Http404
        return instance

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """None in bulk: what is deleted is looked at first."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """A constraint that only the database can check, such as two people saving at once, becomes a sentence."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except IntegrityError:
            messages.error(
                request, "This was not saved: somebody has changed something it depends on in the meantime. Try again."
            )
            return HttpResponseRedirect(request.get_full_path())

    def dependents(self, instance: Any) -> list[str]:
        """What keeps an object from being deleted, in words; one row of each kind is enough: there may be millions."""
        found = set()
        for relation in instance._meta.get_fields(include_hidden=True):
            if getattr(relation, "on_delete", None) is PROTECT:
                rows = relation.related_model._base_manager.filter(**{relation.field.name: instance})
                if rows.exists():
                    found.add(str(relation.related_model._meta.verbose_name_plural))
        return sorted(found)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What something else depends on is not deleted, and a sentence says what."""
        instance = self.get_object(request, object_id)
        if self.has_delete_permission(request, instance):
            dependents = self.dependents(instance)
            if dependents:
                what = get_text_list(dependents, "and")
                messages.error(request, f"{instance} cannot be deleted: it has {what}.")
                opts = self.opts
                return HttpResponseRedirect(
                    reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[object_id])
                )
        return super().delete_view(request, object_id, extra_context)
