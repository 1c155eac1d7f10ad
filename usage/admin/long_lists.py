"""Lists of millions of rows: never counted, ordered by an index, and searched only through one."""

from typing import Any, ClassVar

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from billing.scoped_admin import AccountFilter, ScopedAdmin

LAST_PAGE = 100
"""Reaching a page means skipping all before it: to go further, people use the filters."""


class LongChangeList(ChangeList):
    """One page of a long list, and whether another one follows."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Return the admin's own order; columns of the list cannot be sorted, because they have no index."""
        self.params.pop(ORDER_VAR, None)
        return super().get_ordering(request, queryset)

    def get_results(self, request: HttpRequest) -> None:
        """Read one row more than the page shows instead of counting all rows."""
        if not 1 <= self.page_num <= LAST_PAGE:
            raise IncorrectLookupParameters
        before = (self.page_num - 1) * self.list_per_page
        rows = list(self.queryset[before : before + self.list_per_page + 1])
        if not rows and before:
            raise IncorrectLookupParameters
        self.has_more = len(rows) > self.list_per_page
        self.result_list = rows[: self.list_per_page]
        self.result_count = before + len(self.result_list)
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = False
        self.can_show_all = False
        known = before + len(rows) if self.page_num < LAST_PAGE else self.result_count
        self.paginator = Paginator(range(known), self.list_per_page)
        self.multi_page = self.paginator.num_pages > 1


class LongListAdmin(ScopedAdmin):
    """Raw usage comes in by upload only, and is never edited by hand."""

    section = "Usage"
    actions = None
    list_filter: ClassVar[Any] = [("account", AccountFilter)]
    list_select_related: ClassVar[Any] = ["account"]
    sortable_by: ClassVar[Any] = []

    def has_add_permission(self, request: HttpRequest, *_of: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_delete_permission = has_change_permission

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """A list without a count."""
        return LongChangeList


def chooses_account(request: HttpRequest) -> bool:
    """Return whether a list is filtered by account, so that the account's index can order it."""
    return bool(request.GET.get("account__id__exact"))
