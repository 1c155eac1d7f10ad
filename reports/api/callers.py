"""Who asks, and what they may see: an administrator, perhaps through a token that narrows it."""

from dataclasses import dataclass

from rest_framework.request import Request

from billing.models import Account, AccountQuerySet, Administrator, ApiToken, Subscription, SubscriptionQuerySet
from reports.models import ReportJob, ReportJobQuerySet


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


def caller_of(request: Request) -> Caller:
    """Who asks; only of a request that was authenticated."""
    if not isinstance(request.user, Administrator):
        raise TypeError("the request was not authenticated")
    token = request.auth if isinstance(request.auth, ApiToken) else None
    return Caller(request.user, token)
