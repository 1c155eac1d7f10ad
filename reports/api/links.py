"""The absolute addresses that answers are full of: programs follow them and build none."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request


def base_url_of(request: Request | HttpRequest) -> str:
    """What addresses begin with, as the caller sees the site. Where there is no request it is `settings.SITE_URL`."""
    return f"{request.scheme}://{request.get_host()}"


def address(base_url: str, name: str, *arguments: object) -> str:
    """The absolute address of one of the API's views, by its name."""
    return base_url + reverse(f"api:{name}", args=arguments)


class LinkField(serializers.URLField):
    """The address of the view `name` about the object's attribute `of`; null unless `when`, if given, says so.

    `query` has the attributes that stand in the query instead. The serializer's context has the `base_url`.
    """

    def __init__(
        self,
        name: str,
        *,
        of: str = "pk",
        query: Mapping[str, str] | None = None,
        when: Callable[[Any], bool] | None = None,
        help_text: str = "",
    ) -> None:
        super().__init__(source="*", read_only=True, allow_null=when is not None, help_text=help_text)
        self.name = name
        self.of = of
        self.query = query
        self.when = when

    def to_representation(self, value: Any) -> Any:
        """The address, or None."""
        if self.when is not None and not self.when(value):
            return None
        base_url = self.context["base_url"]
        if self.query is None:
            return address(base_url, self.name, getattr(value, self.of))
        query = {parameter: getattr(value, attribute) for parameter, attribute in self.query.items()}
        return f"{address(base_url, self.name)}?{urlencode(query)}"
