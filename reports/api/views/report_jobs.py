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
from reports.api.fields import InputSerializer
from reports.api.filters import ReportJobFilters
from reports.api.idempotency import REPLAYED, Answer, idempotent_request
from reports.api.links import base_url_of
from reports.api.pagination import LatestFirst
from reports.api.permissions import reauthenticate
from reports.api.serializers.orders import ReportJobOrderSerializer
from reports.api.serializers.report_jobs import ReportJobSerializer, complete, job_json, requested_json
from reports.api.throttling import queue_limit_as_problem
from reports.models import ReportJob, ReportJobQuerySet
from reports.orders.deduplicate import withdraw
from reports.orders.enqueue import request_report

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
        attempt = idempotent_request(request, self.caller)
        answer = attempt.first_answer() if attempt else None
        if answer is None:
            order = ReportJobOrderSerializer(data=request.data, context={"caller": self.caller, "today": today})
            order.is_valid(raise_exception=True)
            self.count_for_account(order.validated_data["subscription"].account_id)
            make = partial(self._make, order.validated_data, today)
            answer = attempt.answer(make) if attempt else Answer(make()[1])
        return _answered(answer)

    def _make(self, order: Mapping[str, Any], today: date) -> tuple[ReportJob, dict[str, Any]]:
        with queue_limit_as_problem():
            requested = request_report(
                administrator=self.caller.administrator, token=self.caller.token, today=today, **order
            )
        return requested.job, requested_json(requested, base_url=base_url_of(self.request))


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
        seconds = polling.requested_wait(request)
        job = self.get_object()
        if not polling.wait_for_state_change(job, seconds):
            again = polling.retry_after_seconds(seconds, at_least=RETRY_AFTER_SECONDS)
            return self.answer(job, retry_after=again)
        reauthenticate(request)
        return self.answer(self.get_object())


class ReportJobCancelView(ReportJobs):
    """The end of a job before it is done."""

    lookup_field = "id"

    def post(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Withdraw the caller's own request, and end what nobody waits for any more."""
        job = self.get_object()
        InputSerializer(data=request.data).is_valid(raise_exception=True)
        withdrawal = withdraw(job, administrator=self.caller.administrator, token=self.caller.token)
        if not (withdrawal.is_cancelled or withdrawal.still_waiting):
            raise Problem(ProblemType.ALREADY_FINISHED, f"The job is {job.get_state_display()} already.")
        return self.answer(self.get_object())
