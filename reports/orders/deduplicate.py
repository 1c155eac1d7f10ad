"""No work twice: equal orders share an unfinished job, and a file that is still up to date is offered again."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models.functions import Now

from billing.models import Administrator, ApiToken, DataVersion
from jobs import files
from jobs.locks import hold
from jobs.states import UNFINISHED, State
from reports.models import JobSubscriber, ReportJob

OF_OTHERS = (
    "You did not request this report. Only those who requested it can cancel it, and the platform's staff and people "
    "with Billing > All Permissions."
)


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """The result of unsubscribing: the job `is_cancelled`, or goes on for those who are `still_subscribed`.

    Neither is set if the job had already finished.
    """

    is_cancelled: bool = False
    still_subscribed: Sequence[Administrator] = ()


def hold_orders_like(candidate: ReportJob) -> None:
    """Lock out equal orders until the end of the transaction, so that a concurrent one finds this one's job."""
    days = f"{candidate.date_from} through {candidate.date_through}"
    variant = f"{candidate.format}, totals {candidate.totals_sheet}"
    hold(f"report: subscription {candidate.subscription_id}, {candidate.report_type}, {days}, {variant}")


def joinable_job(candidate: ReportJob) -> ReportJob | None:
    """Return an unfinished job whose file will be as good as the candidate's, locked; None if there is none.

    The candidate is unsaved, and the caller holds `hold_orders_like` for it.
    """
    alike = ReportJob.objects.alike(candidate).filter(requested_on=candidate.requested_on, state__in=UNFINISHED)
    jobs = list(alike.order_by("requested_at").select_for_update(no_key=True))
    version = DataVersion.objects.of([candidate.account_id]) if jobs else ""
    # A queued job will see everything that is committed by now. A running job has taken its snapshot, or is about to:
    # it serves if the data are still of the version that it recorded before. A version that an earlier attempt recorded
    # is older still, so equality proves the same.
    return next((job for job in jobs if job.state == State.QUEUED or job.data_version == version), None)


def unchanged_job(candidate: ReportJob) -> ReportJob | None:
    """Return the finished job whose file equals, byte for byte, what the candidate would write; None if there is none.

    The file must be written by this version of the software, from the current data, with open sessions cut at the same
    instant, and it must still be in the storage.
    """
    alike = ReportJob.objects.alike(candidate).filter(state=State.SUCCEEDED, software_version=settings.VERSION)
    # Data versions only grow, so if the latest file is out of date, earlier ones are too.
    latest = alike.exclude(file="").order_by("-file_as_of").first()
    if latest is None or latest.data_version != DataVersion.objects.of([candidate.account_id]):
        return None
    is_cut_alike = candidate.subscription.contract.cuts_open_sessions_alike(latest.requested_on, candidate.requested_on)
    return latest if is_cut_alike and not files.is_lost(str(latest.file.name), latest.file_bytes) else None


def is_unchanged(job: ReportJob, today: date) -> bool:
    """Return whether an equal order today would be offered this job's file."""
    candidate = copy(job)
    candidate.requested_on = today
    return unchanged_job(candidate) == job


def subscribe(job: ReportJob, *, administrator: Administrator, token: ApiToken | None) -> None:
    """Subscribe to a job that is new or locked; again after unsubscribing, if need be."""
    JobSubscriber.objects.bulk_create(
        [JobSubscriber(job=job, administrator=administrator, token=token, subscribed_at=Now())],
        update_conflicts=True,
        unique_fields=["job", "administrator", "token"],
        update_fields=["subscribed_at", "unsubscribed_at"],
    )


def subscribers_of(job: ReportJob) -> list[Administrator]:
    """Return the administrators who are subscribed to the job, in the order of their subscriptions, each once."""
    subscribers = job.subscribers.subscribed().select_related("administrator")
    return list(dict.fromkeys(subscriber.administrator for subscriber in subscribers))


def wanted_by(job: ReportJob) -> set[int]:
    """Return the IDs of the administrators who requested the report and have not withdrawn, finished or not."""
    subscribers = list(job.subscribers.values_list("administrator_id", "unsubscribed_at"))
    wanted = {pk for pk, unsubscribed_at in subscribers if unsubscribed_at is None}
    # Jobs enqueued in other ways than by an order have no subscribers.
    return wanted | ({job.requested_by_id} - {pk for pk, _unsubscribed_at in subscribers})


def unsubscribe(job: ReportJob, *, administrator: Administrator, token: ApiToken | None = None) -> Unsubscribed:
    """Unsubscribe an administrator, and cancel the job if no subscribers remain.

    A token with which the report was ordered ends its own subscription; without such a token, all subscriptions of the
    administrator end. An administrator who never subscribed, and may end reports of others, cancels the job for
    everyone. Unsubscribing again has no effect. The job's row is locked meanwhile, so that no order joins a job that is
    being cancelled. `job` is refreshed.

    Raises PermissionDenied, with a sentence, if the job is unfinished and only others requested it.
    """
    with transaction.atomic():
        locked = ReportJob.objects.select_for_update(no_key=True).get(pk=job.pk)
        result = _unsubscribe(locked, administrator, token)
    job.refresh_from_db()
    return result


def _unsubscribe(job: ReportJob, administrator: Administrator, token: ApiToken | None) -> Unsubscribed:
    if job.is_finished:
        return Unsubscribed()
    own = job.subscribers.filter(administrator=administrator)
    if token is not None and (of_token := own.filter(token=token)).exists():
        own = of_token
    has_subscribed = own.exists() or job.requested_by_id == administrator.pk
    if not (has_subscribed or administrator.may_end_reports_of_others):
        raise PermissionDenied(OF_OTHERS)
    own.subscribed().update(unsubscribed_at=Now())
    if has_subscribed and (still_subscribed := subscribers_of(job)):
        return Unsubscribed(still_subscribed=still_subscribed)
    return Unsubscribed(is_cancelled=job.cancel())
