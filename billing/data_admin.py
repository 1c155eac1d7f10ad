"""The admin of the data behind reports: an edit bumps the data version and detaches the row from its upload."""

from typing import Any

from django.http import HttpRequest

from billing.models import DataVersion, UploadedModel
from billing.scoped_admin import ScopedAdmin


class DataAdmin(ScopedAdmin):
    """Edits the tables that all accounts share. Only uploads write an account's usage."""

    def lock_before_writing(self) -> None:
        """Exclude uploads, which are checked against these tables."""
        DataVersion.objects.hold_alone()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Bump the data version before writing the first row."""
        DataVersion.objects.bump(None)
        _detach_from_upload(obj)
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Detach changed rows of an inline from their uploads, too."""
        for one in formset.forms:
            if one.has_changed():
                _detach_from_upload(one.instance)
        super().save_formset(request, form, formset, change)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Bump the data version before deleting anything."""
        DataVersion.objects.bump(None)
        super().delete_model(request, obj)


def _detach_from_upload(obj: Any) -> None:
    if isinstance(obj, UploadedModel):
        obj.upload_id = None
