"""What every view of the API has in common: who asks, and that nothing which was asked for is ignored."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, TypeVar

from django.db.models import Model
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from reports.api.filters import ListFilters, StrictFilterBackend
from reports.api.links import base_url_of
from reports.api.pagination import KeysetPagination
from reports.api.permissions import Caller, MayReport, MayWrite, caller_of
from reports.api.queries import refuse_unknown_parameters
from reports.api.throttling import LimitedView

ModelT = TypeVar("ModelT", bound=Model)


class ApiView(LimitedView, GenericAPIView[ModelT]):
    """A view for whoever may have reports. Objects are looked up among those that the caller sees.

    Another account's object is a 404 like a missing one; one's own, and a list, without the permission is a 403.
    """

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    permission_classes = [IsAuthenticated, MayReport, MayWrite]
    query_parameters: ClassVar[Collection[str]] = ()
    """The query parameters that the view itself knows, for GET; every other is refused."""

    @property
    def caller(self) -> Caller:
        """Who asks."""
        return caller_of(self.request)

    @property
    def default_response_headers(self) -> dict[str, str]:
        """With those of every answer: it is one caller's at one moment, and nobody keeps it for another."""
        return {**super().default_response_headers, "Cache-Control": "private, no-store"}

    def known_parameters(self) -> Collection[str]:
        """The query parameters of the request's method."""
        return self.query_parameters if self.request.method in ("GET", "HEAD") else ()

    def repeatable_parameters(self) -> Collection[str]:
        """Those of them that may stand in the query more than once."""
        return ()

    def check_permissions(self, request: Request) -> None:
        """A method that the address does not know is refused to everybody alike."""
        if request.method not in self.allowed_methods:
            self.http_method_not_allowed(request)
        super().check_permissions(request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse query parameters that nobody looks at, once it is known who asks."""
        super().initial(request, *args, **kwargs)
        refuse_unknown_parameters(
            request.query_params, known=self.known_parameters(), repeatable=self.repeatable_parameters()
        )

    def get_serializer_context(self) -> Mapping[str, Any]:
        """What serializers know besides the object: who asks, and what addresses begin with."""
        context = super().get_serializer_context()
        if getattr(self, "swagger_fake_view", False):  # while the schema is made nobody asks
            return context
        return {**context, "caller": self.caller, "base_url": base_url_of(self.request)}


class ObjectView(RetrieveModelMixin, ApiView[ModelT]):
    """A view about one object, whose key is in the address."""

    lookup_field = "id"

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The object."""
        return self.retrieve(request, *args, **kwargs)


class ListView(ListModelMixin, ApiView[ModelT]):
    """A view of a list: filtered by `filterset_class`, page by page in the order of `pagination_class`."""

    filter_backends = [StrictFilterBackend]
    filterset_class: ClassVar[type[ListFilters]]
    pagination_class: type[KeysetPagination]

    def known_parameters(self) -> Collection[str]:
        """Those of the filters and of the pages too, for reading."""
        if self.request.method not in ("GET", "HEAD"):
            return ()
        return {*self.query_parameters, *self.filterset_class.base_filters, *self.pagination_class.parameters}

    def repeatable_parameters(self) -> Collection[str]:
        """The filters that take several values."""
        return self.filterset_class.repeatable()

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One page of the list."""
        return self.list(request, *args, **kwargs)
