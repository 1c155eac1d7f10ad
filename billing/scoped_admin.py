"""The base of every admin: it shows only what `visible_to` allows, and lets only platform staff write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin import options
from django.db.models import ForeignKey, ManyToManyField, QuerySet
from django.forms import ModelChoiceField, ModelMultipleChoiceField
from django.http import Http404, HttpRequest

from billing.locking_admin import LockingAdmin
from billing.models import Account, Administrator

# Only the stubs of Django's admin classes take type arguments.
if TYPE_CHECKING:
    BaseModelAdmin = options.BaseModelAdmin[Any]
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    BaseModelAdmin = options.BaseModelAdmin
    ModelAdmin = admin.ModelAdmin
    TabularInline = admin.TabularInline


def platform_staff(request: HttpRequest) -> Administrator | None:
    """Return the signed-in administrator if they are platform staff; None for anyone else."""
    administrator = request.user
    if isinstance(administrator, Administrator) and administrator.is_active and administrator.is_platform_staff:
        return administrator
    return None


def visible(queryset: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
    """Return the rows that the signed-in administrator may see. Models of no account are for platform staff only."""
    if hasattr(queryset, "visible_to"):
        return queryset.visible_to(request.user)  # type: ignore[no-any-return]  # every visible_to returns its own set
    return queryset if platform_staff(request) else queryset.none()


def _filtered_by(item: Any) -> str:
    """Return the field or parameter that an item of `list_filter` filters by."""
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
        """Offer and accept only visible objects, so that a forged request cannot name others."""
        kwargs.setdefault("queryset", visible(db_field.related_model._default_manager.all(), request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelMultipleChoiceField[Any] | None:
        """Offer and accept only visible objects, as for foreign keys."""
        kwargs.setdefault("queryset", visible(db_field.related_model._default_manager.all(), request))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow platform staff who hold the permission, and never a customer's administrator."""
        return bool(platform_staff(request)) and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, *of: Any) -> bool:
        """Allow the same people as viewing. An inline passes the object to which it would add."""
        return bool(platform_staff(request)) and super().has_add_permission(request, *of)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow the same people as viewing."""
        return bool(platform_staff(request)) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow the same people as viewing."""
        return bool(platform_staff(request)) and super().has_delete_permission(request, obj)


class ScopedInline(Scoped, TabularInline):
    """Rows that are edited on the page of the object that they belong to."""

    extra = 0


class ScopedAdmin(Scoped, LockingAdmin):
    """The base of every ModelAdmin of the project."""

    section = "Billing"
    icon = "item"
    view_on_site = False
    show_full_result_count = False
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER  # a facet is a full count per choice

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the visible rows; lists, look-ups by ID, autocompletes and history all start here."""
        return visible(super().get_queryset(request), request)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Allow only the filters that the list offers.

        Django lets a URL filter by any field of the model, which would reveal a password hash guess by guess.
        """
        offered = {_filtered_by(item) for item in self.get_list_filter(request)}
        return lookup.removesuffix("__isnull").removesuffix("__exact").removesuffix("__id") in offered

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the model on the index to those who may view or add it."""
        return self.has_view_permission(request) or self.has_add_permission(request)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the object if it is visible, and raise Http404 if it is not or is missing.

        Django would check the permission first, then redirect to the index with a message.
        """
        instance = super().get_object(request, object_id, from_field)
        if instance is None:
            raise Http404
        return instance

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer no bulk deletion, so that each object is looked at before it is deleted."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions
