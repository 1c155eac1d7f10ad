"""The permissions in effect: what `billing.all_permissions` implies, for platform staff and for customers."""

from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.db.models import Model, Q, QuerySet

from billing.permissions import ALL_PERMISSIONS, CUSTOMER_PERMISSIONS, REPORT_PERMISSIONS

if TYPE_CHECKING:
    from billing.models import Administrator


class PermissionBackend(ModelBackend):
    """Django's permissions, extended by what `billing.all_permissions` implies and, for customers, restricted.

    For platform staff, `billing.all_permissions` implies every permission of the project. For a customer's
    administrator, it implies viewing and requesting reports.
    """

    def get_all_permissions(self, user_obj: Any, obj: Model | None = None) -> set[str]:
        """Return the permissions in effect, as `app_label.codename`."""
        administrator: Administrator = user_obj
        if not administrator.is_active or administrator.is_anonymous or obj is not None:
            return set()
        if not hasattr(administrator, "_permissions_in_effect"):
            granted = _names(self._granted(administrator))
            administrator._permissions_in_effect = self._in_effect(administrator, granted)  # type: ignore[attr-defined]  # a cache, as Django's own
        return administrator._permissions_in_effect  # type: ignore[attr-defined,no-any-return]

    async def aget_all_permissions(self, user_obj: Any, obj: Model | None = None) -> set[str]:
        """Return the permissions in effect; Django's own method would return those that were granted."""
        return await sync_to_async(self.get_all_permissions)(user_obj, obj)

    def _granted(self, administrator: "Administrator") -> QuerySet[Permission]:
        """Return the permissions granted to the administrator or to their groups, possibly with duplicates."""
        if administrator.is_superuser:
            return Permission.objects.all()
        own = Q(pk__in=administrator.user_permissions.values("pk"))
        return Permission.objects.filter(own | Q(group__in=administrator.groups.values("pk")))

    def _in_effect(self, administrator: "Administrator", granted: set[str]) -> set[str]:
        if not administrator.is_platform_staff:
            implied = REPORT_PERMISSIONS if ALL_PERMISSIONS in granted else frozenset()
            return (granted & CUSTOMER_PERMISSIONS) | implied
        if ALL_PERMISSIONS not in granted or administrator.is_superuser:
            return granted
        return _names(Permission.objects.all())


def _names(permissions: QuerySet[Permission]) -> set[str]:
    """Return the permissions as `app_label.codename`."""
    names = permissions.values_list("content_type__app_label", "codename").order_by()
    return {f"{app_label}.{codename}" for app_label, codename in names}
