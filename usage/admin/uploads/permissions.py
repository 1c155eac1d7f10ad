"""Permissions of uploads: who sees one, and who decides about it."""

from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from billing.models import Administrator
from billing.scoped_admin import ScopedAdmin
from usage.models import Upload
from usage.uploads.receive import refuse_unless_theirs


class UploadPermissions(ScopedAdmin):
    """Viewing takes the permission to view or to add uploads. What is not theirs is missing, none is edited."""

    def has_add_permission(self, request: HttpRequest, *_of: Any) -> bool:
        # The only permission to write that a customer's administrator can be given.
        return request.user.has_perm("usage.add_upload")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # People who upload also see what became of it.
        return super().has_view_permission(request, obj) or self.has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_delete_permission = has_change_permission

    def visible_upload(self, request: HttpRequest, object_id: str) -> Upload:
        """Return the upload of an address.

        Raises Http404 for an upload that is missing or not theirs; PermissionDenied for one of theirs, without the
        permission.
        """
        upload = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, upload):
            raise PermissionDenied
        return upload  # type: ignore[no-any-return]  # the model of this admin

    def viewer(self, request: HttpRequest) -> Administrator:
        """Return the signed-in administrator. Raises PermissionDenied unless they may see uploads at all."""
        administrator = request.user
        if not isinstance(administrator, Administrator) or not self.has_view_permission(request):
            raise PermissionDenied
        return administrator


def may_decide(administrator: Administrator, upload: Upload) -> bool:
    """Return whether the administrator may apply, discard or undo the upload."""
    try:
        refuse_unless_theirs(administrator, upload)
    except PermissionDenied:
        return False
    return True
