"""Absolute URLs in responses, so that clients follow links and build no URLs."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request


def base_url_of(request: Request | HttpRequest) -> str:
    """Return the scheme and host as the caller sees them. Without a request, use `settings.SITE_URL` instead."""
    return f"{request.scheme}://{request.get_host()}"


def address(base_url: str, name: str, *arguments: object) -> str:
    """Return the absolute URL of one of the API's views, by URL name."""
    return base_url + reverse(f"api:{name}", args=arguments)


class LinkField(serializers.URLField):
    """The URL of the view `name` for the object's attribute `of`; null if `when` is given and returns false.

    `query` maps query parameters to attributes, and replaces `of`. The serializer's context has the `base_url`.
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
        if self.when is not None and not self.when(value):
            return None
        base_url = self.context["base_url"]
        if self.query is None:
            return address(base_url, self.name, getattr(value, self.of))
        query = {parameter: getattr(value, attribute) for parameter, attribute in self.query.items()}
        return f"{address(base_url, self.name)}?{urlencode(query)}"
