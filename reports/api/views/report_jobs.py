"""Report jobs: asking for a report, and how one stands."""

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any

from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from reports.api import polling
from reports.api.base import ApiView, ListView, ObjectView
from reports.api.exceptions import Problem, ProblemType
from reports.api.fields import StrictSerializer
from reports.api.filters import ReportJobFilters
from reports.api.idempotency import REPLAYED, Answer, retryable
from reports.api.links import base_url_of
from reports.api.pagination import LatestFirst
from reports.api.permissions import authenticate_again
from reports.api.serializers.orders import ReportJobOrderSerializer
from reports.api.serializers.report_jobs import ReportJobSerializer, complete, job_json, requested_json
from reports.api.throttling import queue_permitting
from reports.models import ReportJob, ReportJobQuerySet
from reports.orders.deduplicate import unsubscribe
from reports.orders.enqueue import ReportOrder, enqueue_report

RETRY_AFTER_SECONDS = 2
"""After which time a program looks again, unless it waits in the request."""


class ReportJobs(ApiView[ReportJob]):
    """Those that the caller sees."""

    queryset = ReportJob.objects.none()
    serializer_class = ReportJobSerializer

    def get_queryset(self) -> ReportJobQuerySet:
        """With all that the answer shows."""
        return complete(self.caller.report_jobs)

    def answer(self, job: ReportJob, *, retry_after: int = RETRY_AFTER_SECONDS) -> Response:
        """The job; with when to look again as long as it is not finished."""
        headers = {} if job.is_finished else {"Retry-After": str(retry_after)}
        return Response(job_json(job, base_url=base_url_of(self.request)), headers=headers)


class ReportJobsView(ReportJobs, ListView[ReportJob]):
    """The list of report jobs, the latest first."""

    filterset_class = ReportJobFilters
    pagination_class = LatestFirst

    def post(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Ask for a report, which may be under way or made already.

        Sent again with its `Idempotency-Key`, the request gets the same answer.
        """
        today = timezone.now().date()
        attempt = retryable(request, self.caller)
        answer = attempt.first_answer() if attempt else None
        if answer is None:
            order = ReportJobOrderSerializer(data=request.data, context={"caller": self.caller, "today": today})
            order.is_valid(raise_exception=True)
            self.charge_account(order.validated_data["subscription"].account_id)
            make = partial(self._make, order.validated_data, today)
            answer = attempt.answer(make) if attempt else Answer(make()[1])
        return _answered(answer)

    def _make(self, order: Mapping[str, Any], today: date) -> tuple[ReportJob, dict[str, Any]]:
        with queue_permitting():
            wanted = dict(order)
            again = wanted.pop("again")
            placed = enqueue_report(
                ReportOrder(**wanted),
                administrator=self.caller.administrator,
                token=self.caller.token,
                today=today,
                again=again,
            )
        return placed.job, requested_json(placed, base_url=base_url_of(self.request))


def _answered(answer: Answer) -> Response:
    """202 with a job to wait for; 200 with one that is finished."""
    headers = {"Location": answer.body["url"]}
    if answer.is_replayed:
        headers[REPLAYED] = "true"
    if answer.body.get("unchanged"):
        return Response(answer.body, status=status.HTTP_200_OK, headers=headers)
    headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return Response(answer.body, status=status.HTTP_202_ACCEPTED, headers=headers)


class ReportJobView(ReportJobs, ObjectView[ReportJob]):
    """One report job."""

    query_parameters = (polling.PARAMETER,)

    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """How it stands; with `wait`, once it stands otherwise or so many seconds have passed."""
        seconds = polling.seconds_to_wait(request)
        job = self.get_object()
        if not polling.wait_for_change(job, seconds):
            again = polling.seconds_until_again(seconds, at_least=RETRY_AFTER_SECONDS)
            return self.answer(job, retry_after=again)
        authenticate_again(request)
        return self.answer(self.get_object())


class ReportJobCancelView(ReportJobs):
    """The end of a job before it is done."""

    lookup_field = "id"

    def post(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Withdraw the caller's own request, and end what nobody waits for any more."""
        job = self.get_object()
        StrictSerializer(data=request.data).is_valid(raise_exception=True)
        result = unsubscribe(job, administrator=self.caller.administrator, token=self.caller.token)
        if not (result.is_cancelled or result.still_subscribed):
            raise Problem(ProblemType.ALREADY_FINISHED, f"The job is {job.get_state_display()} already.")
        return self.answer(self.get_object())
