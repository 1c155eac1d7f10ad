"""Who sends a request, what they see, and what they may do.

Lists check permissions immediately. URLs of objects check them only after the object was found, so that another
account's object is a 404 whatever permissions the caller has.
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
    """The sender of a request. Everything that the API shows or changes is looked up in its sets."""

    administrator: Administrator
    token: ApiToken | None = None

    @property
    def may_report(self) -> bool:
        """Return whether the administrator holds any of the three billing permissions now."""
        return self.administrator.may_report

    @property
    def may_write(self) -> bool:
        """Return whether the caller may request, cancel and delete: everyone but a read-only token."""
        return self.token is None or not self.token.is_read_only

    @property
    def accounts(self) -> AccountQuerySet:
        """Return the accounts that the administrator sees now, limited to the token's account if it has one."""
        visible = Account.objects.visible_to(self.administrator)
        if self.token is not None and self.token.account_id is not None:
            return visible.filter(pk=self.token.account_id)
        return visible

    @property
    def subscriptions(self) -> SubscriptionQuerySet:
        return Subscription.objects.filter(account__in=self.accounts)

    @property
    def report_jobs(self) -> ReportJobQuerySet:
        return ReportJob.objects.filter(account__in=self.accounts)


def reauthenticate(request: Request) -> None:
    """Reload the caller after the request was held, so that access revoked in the meantime takes effect.

    Raises AuthenticationFailed if the token was revoked or has expired, or if the administrator was deactivated.
    """
    before = caller_of(request)
    token = before.token
    if token is not None:
        token = ApiToken.objects.usable().filter(pk=token.pk).first()
    administrator = Administrator.objects.filter(pk=before.administrator.pk, is_active=True).first()
    if administrator is None or (token is None and before.token is not None):
        raise AuthenticationFailed("The token or session is no longer valid.")
    request.user, request.auth = administrator, token


def caller_of(request: Request) -> Caller:
    """Return the caller of an authenticated request; raise TypeError for any other request."""
    if not isinstance(request.user, Administrator):
        raise TypeError("the request was not authenticated")
    token = request.auth if isinstance(request.auth, ApiToken) else None
    return Caller(request.user, token)


class CallerPermission(BasePermission):
    """Checks the caller: at once for lists, and after the lookup for objects."""

    def allows(self, caller: Caller, method: str) -> bool:
        """Return whether the caller may use the method."""
        raise NotImplementedError

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Check URLs without an object; URLs of objects pass, and are checked after the lookup."""
        return bool(view.kwargs) or self.allows(caller_of(request), request.method or "")

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        """Check URLs of objects, once the object was found among those that the caller sees."""
        return self.allows(caller_of(request), request.method or "")


class MayReport(CallerPermission):
    """Requires any of the three billing permissions."""

    message = NEEDED

    def allows(self, caller: Caller, method: str) -> bool:
        return caller.may_report


class MayWrite(CallerPermission):
    """Rejects writing with a read-only token."""

    message = "The token is read-only. Requesting, cancelling and deleting need a token with write access."

    def allows(self, caller: Caller, method: str) -> bool:
        return method in SAFE_METHODS or caller.may_write
