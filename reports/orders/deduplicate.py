"""No work twice: who asks for what is being made waits for it too, and what was made and still holds is offered."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from billing.models import Administrator, ApiToken, DataVersion
from jobs import files
from jobs.locks import hold
from jobs.states import UNFINISHED, State
from reports.models import ReportJob, ReportRequest


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What came of withdrawing a request: the job `is_cancelled`, or goes on for who is `still_waiting`.

    Neither, when it was finished already.
    """

    is_cancelled: bool = False
    still_waiting: Sequence[Administrator] = ()


def hold_requests_like(order: ReportJob) -> None:
    """Let nobody else ask for the same until the end of the transaction: of two at once, the second finds the first."""
    days, variant = f"{order.date_from} through {order.date_through}", f"{order.format}, totals {order.totals_sheet}"
    hold(f"report: subscription {order.subscription_id}, {order.report_type}, {days}, {variant}")


def under_way(order: ReportJob) -> ReportJob | None:
    """The unfinished job that serves this order as well as one of its own would, locked; None when there is none.

    What is queued sees all that was committed before it begins. What runs has taken its snapshot, or is about to, and
    serves the order as long as nothing has changed since it said of which version the data were; that of an attempt
    before is older still, and so proves the same. To be asked while requests like it are held.
    """
    alike = ReportJob.objects.alike(order).filter(requested_on=order.requested_on, state__in=UNFINISHED)
    jobs = list(alike.order_by("requested_at").select_for_update(no_key=True))
    version = DataVersion.objects.of([order.account_id]) if jobs else ""
    return next((job for job in jobs if job.state == State.QUEUED or job.data_version == version), None)


def unchanged(order: ReportJob) -> ReportJob | None:
    """The finished job whose file this order would make again, byte for byte; None when there is none.

    Made by this version of the software, of the data as they are now, with open sessions cut at the same instant; and
    its file is still there. Only the latest can be: versions of data grow, so that what was made before shows none that
    is newer.
    """
    alike = ReportJob.objects.alike(order).filter(state=State.SUCCEEDED, software_version=settings.VERSION)
    latest = alike.exclude(file="").order_by("-file_as_of").first()
    if latest is None or latest.data_version != DataVersion.objects.of([order.account_id]):
        return None
    is_cut_alike = order.subscription.contract.cuts_open_sessions_alike(latest.requested_on, order.requested_on)
    return latest if is_cut_alike and not files.is_lost(str(latest.file.name), latest.file_bytes) else None


def is_unchanged(job: ReportJob, today: date) -> bool:
    """Whether who asks for the same today is offered this job's file."""
    order = copy(job)
    order.requested_on = today
    return unchanged(order) == job


def wait_for(job: ReportJob, *, administrator: Administrator, token: ApiToken | None) -> None:
    """Write down who waits for the job, which is new or locked; who withdrew before waits again."""
    ReportRequest.objects.bulk_create(
        [ReportRequest(job=job, administrator=administrator, token=token, requested_at=Now())],
        update_conflicts=True,
        unique_fields=["job", "administrator", "token"],
        update_fields=["requested_at", "withdrawn_at"],
    )


def who_wait(job: ReportJob) -> list[Administrator]:
    """Those who wait for the job, who asked first before others; each once."""
    waiting = job.requests.waiting().select_related("administrator")
    return list(dict.fromkeys(request.administrator for request in waiting))


def withdraw(job: ReportJob, *, administrator: Administrator, token: ApiToken | None = None) -> Withdrawal:
    """Withdraw the requests of one administrator, and end what nobody waits for.

    A token that asked for the report withdraws its own request; one that did not, those of its administrator. Who has
    never asked for the report ends it for everybody. Who withdraws twice changes nothing the second time. The job's row
    is locked meanwhile: nobody joins what is being cancelled. The object then shows what the row says.
    """
    with transaction.atomic():
        locked = ReportJob.objects.select_for_update(no_key=True).get(pk=job.pk)
        withdrawal = _withdraw(locked, administrator, token)
    job.refresh_from_db()
    return withdrawal


def _withdraw(job: ReportJob, administrator: Administrator, token: ApiToken | None) -> Withdrawal:
    if job.is_finished:
        return Withdrawal()
    own = job.requests.filter(administrator=administrator)
    if token is not None and (of_token := own.filter(token=token)).exists():
        own = of_token
    has_asked = own.exists()
    own.waiting().update(withdrawn_at=Now())
    if has_asked and (still_waiting := who_wait(job)):
        return Withdrawal(still_waiting=still_waiting)
    return Withdrawal(is_cancelled=job.cancel())
