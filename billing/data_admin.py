"""The admin of what reports are made from: what is written by hand counts as a change, and is no upload's any more."""

from typing import Any, ClassVar

from django.http import HttpRequest

from billing.models import DataVersion, Uploadable
from billing.scoped_admin import ScopedAdmin


class DataAdmin(ScopedAdmin):
    """`is_of_account`: the rows are an account's usage; otherwise the tables are shared by all accounts."""

    is_of_account: ClassVar[bool] = False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Say that data change before the first row is written."""
        self._bump(obj)
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
        self._bump(obj)
        super().delete_model(request, obj)

    def _bump(self, obj: Any) -> None:
        DataVersion.objects.bump(obj.account_id if self.is_of_account else None)


def _by_hand(obj: Any) -> None:
    if isinstance(obj, Uploadable):
        obj.upload_id = None
