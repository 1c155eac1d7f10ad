"""The admin of what reports are made from: what is written by hand counts as a change, and is no upload's any more."""

from typing import Any

from django.http import HttpRequest

from billing.models import DataVersion, UploadedModel
from billing.scoped_admin import ScopedAdmin


class DataAdmin(ScopedAdmin):
    """Of the tables that all accounts share; an account's usage is written by uploads alone."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Say that data change before the first row is written."""
        DataVersion.objects.bump(None)
        _by_hand(obj)
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Rows of an inline are written by hand as well."""
        for one in formset.forms:
            if one.has_changed():
                _by_hand(one.instance)
        super().save_formset(request, form, formset, change)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Say that data change before anything is deleted."""
        DataVersion.objects.bump(None)
        super().delete_model(request, obj)


def _by_hand(obj: Any) -> None:
    if isinstance(obj, UploadedModel):
        obj.upload_id = None
