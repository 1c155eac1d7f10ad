"""Lists of millions of rows: never counted, read in the order of an index, searched by what an index finds."""

from typing import Any, ClassVar

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from billing.scoped_admin import AccountFilter, ScopedAdmin

LAST_PAGE = 100
"""A page is found by skipping those before it: whoever wants to go further filters."""


class LongChangeList(ChangeList):
    """One page of a long list, and whether another one follows."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """The admin's own order: a column of the list has no index."""
        self.params.pop(ORDER_VAR, None)
        return super().get_ordering(request, queryset)

    def get_results(self, request: HttpRequest) -> None:
        """Read a row more than the page shows, instead of counting them all."""
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
    """Raw usage: it comes in by upload alone, and nobody changes it by hand."""

    section = "Usage"
    actions = None
    list_filter: ClassVar[Any] = [("account", AccountFilter)]
    list_select_related: ClassVar[Any] = ["account"]
    sortable_by: ClassVar[Any] = []

    def has_add_permission(self, request: HttpRequest, *_of: Any) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    has_delete_permission = has_change_permission

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """A list without a count."""
        return LongChangeList


def chooses_account(request: HttpRequest) -> bool:
    """Whether a list is filtered by account, so that the account's own index gives its order."""
    return bool(request.GET.get("account__id__exact"))
