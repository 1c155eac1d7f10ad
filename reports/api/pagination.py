"""Keyset pagination: a cursor names the row before a page, so rows that are added or removed do not shift pages."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.core import signing
from django.db.models import Model, Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from reports.api.exceptions import FieldError, invalid
from reports.api.links import base_url_of

LARGEST_PAGE = 100
PAGE = 25


@dataclass(frozen=True, slots=True)
class Position:
    """A row, by the values that its list is ordered by. The page follows it or, with `backwards`, precedes it."""

    values: list[str]
    backwards: bool = False


class KeysetPagination(BasePagination):
    """Paginates in the order of `ordering`, whose fields are unique together and sort in one direction.

    Cursors are signed, so that clients can return them but not construct them.
    """

    ordering: ClassVar[tuple[str, ...]]
    parameters = ("cursor", "page_size")

    def paginate_queryset(  # type: ignore[override]  # what has no rows in a database has no keys either
        self, queryset: QuerySet[Any, Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        """Return the rows of the requested page; raise a problem for an invalid parameter."""
        self.base_url = base_url_of(request) + request.get_full_path()
        size = self._page_size(request)
        position = self._position(request)
        backwards = position is not None and position.backwards
        ordering = [_turned(name) for name in self.ordering] if backwards else list(self.ordering)
        rows = queryset.order_by(*ordering)
        if position is not None:
            rows = rows.filter(_beyond(ordering, position.values))
        found: list[Any] = list(rows[: size + 1])
        page, more = found[:size], len(found) > size
        if backwards:
            page.reverse()
        self.next = self._cursor(page[-1]) if page and (more or backwards) else None
        self.previous = self._cursor(page[0], backwards=True) if page and (more if backwards else position) else None
        return page

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page with the URLs of the next and previous page."""
        return Response({"next": self._link(self.next), "previous": self._link(self.previous), "results": data})

    def _page_size(self, request: Request) -> int:
        text = request.query_params.get("page_size", str(PAGE))
        if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= LARGEST_PAGE:
            raise invalid([FieldError("page_size", f"Give a whole number from 1 to {LARGEST_PAGE}.")])
        return int(text)

    @property
    def _salt(self) -> str:
        return f"reports.api.pagination:{','.join(self.ordering)}"

    def _position(self, request: Request) -> Position | None:
        if (cursor := request.query_params.get("cursor")) is None:
            return None
        try:
            values, backwards = signing.loads(cursor, salt=self._salt)
        except signing.BadSignature:
            detail = "This is not a cursor of this list. Take the URL from the list's `next` or `previous`."
            raise invalid([FieldError("cursor", detail)]) from None
        return Position(values, backwards)

    def _cursor(self, row: Model, *, backwards: bool = False) -> str:
        values = [_text(row, name) for name in self.ordering]
        return signing.dumps([values, backwards], salt=self._salt)

    def _link(self, cursor: str | None) -> str | None:
        return cursor and replace_query_param(self.base_url, "cursor", cursor)

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """Return the query parameters for the OpenAPI document."""
        size = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE}
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "The position of the page. Take it from the URLs in `next` and `previous`.",
                "schema": {"type": "string"},
            },
            {
                "name": "page_size",
                "in": "query",
                "required": False,
                "description": "The maximum number of results per page.",
                "schema": size,
            },
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the schema of a page for the OpenAPI document."""
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": {**link, "description": "The URL of the next page; null on the last page."},
                "previous": {**link, "description": "The URL of the previous page; null on the first page."},
                "results": schema,
            },
        }


class LatestFirst(KeysetPagination):
    """Paginates report jobs, latest first; the ID orders jobs of the same instant."""

    ordering = ("-requested_at", "-id")


class ByNumber(KeysetPagination):
    """Paginates subscriptions, ordered by their numbers."""

    ordering = ("number",)


def _turned(name: str) -> str:
    return name.removeprefix("-") if name.startswith("-") else f"-{name}"


def _text(row: Model, name: str) -> str:
    value = getattr(row, name.removeprefix("-"))
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _beyond(ordering: Sequence[str], values: Sequence[str]) -> Q:
    """Select the rows after those values: `a < x OR (a = x AND b < y)`, and also `a <= x`, which can use an index."""
    names = [name.removeprefix("-") for name in ordering]
    comparison = "lt" if ordering[0].startswith("-") else "gt"
    beyond = Q()
    for place, name in enumerate(names):
        equal = dict(zip(names[:place], values, strict=False))
        beyond |= Q(**equal, **{f"{name}__{comparison}": values[place]})
    return beyond & Q(**{f"{names[0]}__{comparison}e": values[0]})
