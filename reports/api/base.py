"""Base classes of the API's views: the checks that every request passes, in one order."""

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from django.db.models import Model
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from reports.api.filters import ListFilterBackend, ListFilters
from reports.api.links import base_url_of
from reports.api.pagination import KeysetPagination
from reports.api.permissions import Caller, MayReport, MayWrite, caller_of
from reports.api.queries import reject_unknown_parameters
from reports.api.throttling import AccountThrottle, CallerThrottle, quota_headers, rate_limited
from ui.http import PRIVATE

ModelT = TypeVar("ModelT", bound=Model)


class ApiView(GenericAPIView[ModelT]):
    """A view for callers who may have reports. Objects are looked up among those that the caller sees.

    Another account's object is a 404, like a missing one. A list, or an object of the caller's, is a 403 without the
    permission.
    """

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    permission_classes = [IsAuthenticated, MayReport, MayWrite]
    throttle_classes = [CallerThrottle, AccountThrottle]
    query_parameters: ClassVar[Collection[str]] = ()
    """The view's own query parameters for GET; all others are rejected."""
    account_id: int | None = None
    """The account that the request turned out to be about."""

    @property
    def caller(self) -> Caller:
        return caller_of(self.request)

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Return DRF's headers and those that keep every response out of shared and private caches."""
        return {**super().default_response_headers, **PRIVATE}

    def known_parameters(self) -> Collection[str]:
        """Return the query parameters that the request's method accepts."""
        return self.query_parameters if self.request.method in ("GET", "HEAD") else ()

    def repeatable_parameters(self) -> Collection[str]:
        """Return the query parameters that may be given more than once."""
        return ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check who sends the request, then its rate, representation, permissions and query parameters.

        Django REST framework's own order has the rate last. Here it comes before everything but authentication, so that
        refused requests count too.
        """
        self.perform_authentication(request)
        self.check_throttles(request)
        self.format_kwarg = self.get_format_suffix(**kwargs)
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)
        request.version, request.versioning_scheme = self.determine_version(request, *args, **kwargs)
        self.check_permissions(request)
        # Last, so that only authenticated callers learn which parameters exist.
        reject_unknown_parameters(
            request.query_params, known=self.known_parameters(), repeatable=self.repeatable_parameters()
        )

    @cached_property
    def _throttles(self) -> list[BaseThrottle]:
        return super().get_throttles()

    def get_throttles(self) -> list[BaseThrottle]:
        """Return the same throttles each time: a view serves one request, and they know whether it was counted."""
        return self._throttles

    def check_throttles(self, request: Request) -> None:
        """Raise the problem of the first quota that is exceeded; later quotas are then not charged."""
        for throttle in self.get_throttles():
            if not throttle.allow_request(request, self):
                raise rate_limited(throttle)

    def count_for_account(self, account_id: int) -> None:
        """Count the request for the account that it turned out to be about, unless it was counted for one already."""
        self.account_id = account_id
        self.check_throttles(self.request)

    def check_permissions(self, request: Request) -> None:
        """Reject an unsupported method before permissions, with the same response for every caller."""
        if request.method not in self.allowed_methods:
            self.http_method_not_allowed(request)
        super().check_permissions(request)

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        """Check the permissions on the object, and count the request for the object's account."""
        super().check_object_permissions(request, obj)
        if (account_id := getattr(obj, "account_id", None)) is not None:
            self.count_for_account(account_id)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Add the `RateLimit` headers of the tightest quota."""
        finalized = super().finalize_response(request, response, *args, **kwargs)
        for name, value in quota_headers(self.get_throttles()).items():
            finalized[name] = value
        return finalized

    def get_serializer_context(self) -> Mapping[str, Any]:
        """Add the caller, and the base URL of links."""
        context = super().get_serializer_context()
        if getattr(self, "swagger_fake_view", False):  # The schema is generated without a request.
            return context
        return {**context, "caller": self.caller, "base_url": base_url_of(self.request)}


class ObjectView(RetrieveModelMixin, ApiView[ModelT]):
    """A view of one object, whose key is part of the URL."""

    lookup_field = "id"

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.retrieve(request, *args, **kwargs)


class ListView(ListModelMixin, ApiView[ModelT]):
    """A view of a list, filtered by `filterset_class` and paginated in the order of `pagination_class`."""

    filter_backends = [ListFilterBackend]
    filterset_class: ClassVar[type[ListFilters]]
    pagination_class: type[KeysetPagination]

    def known_parameters(self) -> Collection[str]:
        """Return the view's own parameters and those of filters and pagination, for reading only."""
        if self.request.method not in ("GET", "HEAD"):
            return ()
        return {*self.query_parameters, *self.filterset_class.base_filters, *self.pagination_class.parameters}

    def repeatable_parameters(self) -> Collection[str]:
        """Return the filters that accept several values."""
        return self.filterset_class.repeatable()

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)
