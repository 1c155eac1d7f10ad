"""What a request needs besides being somebody's: asked of a list at once, of an object only once it was found.

So another account's object is missing for everybody, whatever they may do with their own.
"""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from reports.api.callers import Caller, caller_of
from reports.requesting import NEEDED


class CallerPermission(BasePermission):
    """Asks the caller, at the moment that suits the address."""

    def allows(self, caller: Caller, method: str) -> bool:
        """Whether the caller may use the method."""
        raise NotImplementedError

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Of an address without an object in it."""
        return bool(view.kwargs) or self.allows(caller_of(request), request.method or "")

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        """Of an address whose object was found among those that the caller sees."""
        return self.allows(caller_of(request), request.method or "")


class MayReport(CallerPermission):
    """Any of the three billing permissions."""

    message = NEEDED

    def allows(self, caller: Caller, method: str) -> bool:
        """Whether they hold one of them now."""
        return caller.may_report


class MayWrite(CallerPermission):
    """Writing needs a token that is not for reading alone."""

    message = "The token is for reading alone: requesting, cancelling and deleting need another one."

    def allows(self, caller: Caller, method: str) -> bool:
        """Whether the method only reads, or the caller may write."""
        return method in SAFE_METHODS or caller.may_write
