"""Who sends a request, what they see, and what they may do.

A list asks for the permission at once, the address of an object only after the object was found: another account's
object is missing for everybody, whatever they may do with their own.
"""

from dataclasses import dataclass
from typing import Any

from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from billing.models import Account, AccountQuerySet, Administrator, ApiToken, Subscription, SubscriptionQuerySet
from reports.models import ReportJob, ReportJobQuerySet
from reports.orders.enqueue import NEEDED


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever a request is from. Everything that the API shows or changes goes through these sets."""

    administrator: Administrator
    token: ApiToken | None = None

    @property
    def may_report(self) -> bool:
        """Whether any of the three billing permissions opens the reports to the administrator, now."""
        return self.administrator.may_report

    @property
    def may_write(self) -> bool:
        """Whether they may request, cancel and delete: everybody but a token for reading alone."""
        return self.token is None or not self.token.is_read_only

    @property
    def accounts(self) -> AccountQuerySet:
        """The accounts that the administrator sees now, narrowed to the token's."""
        visible = Account.objects.visible_to(self.administrator)
        if self.token is not None and self.token.account_id is not None:
            return visible.filter(pk=self.token.account_id)
        return visible

    @property
    def subscriptions(self) -> SubscriptionQuerySet:
        """The subscriptions of those accounts."""
        return Subscription.objects.filter(account__in=self.accounts)

    @property
    def report_jobs(self) -> ReportJobQuerySet:
        """The report jobs of those accounts."""
        return ReportJob.objects.filter(account__in=self.accounts)


def reauthenticate(request: Request) -> None:
    """Read anew who asks, after the request was held for a while: what was taken from them in between is gone.

    Raises AuthenticationFailed when the token was revoked or has expired, or the administrator is not active any more.
    """
    before = caller_of(request)
    token = before.token
    if token is not None:
        token = ApiToken.objects.usable().filter(pk=token.pk).first()
    administrator = Administrator.objects.filter(pk=before.administrator.pk, is_active=True).first()
    if administrator is None or (token is None and before.token is not None):
        raise AuthenticationFailed("What the request was authenticated with does not hold any more.")
    request.user, request.auth = administrator, token


def caller_of(request: Request) -> Caller:
    """Who asks; only of a request that was authenticated."""
    if not isinstance(request.user, Administrator):
        raise TypeError("the request was not authenticated")
    token = request.auth if isinstance(request.auth, ApiToken) else None
    return Caller(request.user, token)


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
