"""Views of report jobs: requesting a report, and following and cancelling its job."""

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
from reports.api.exceptions import FieldError, Problem, ProblemType, invalid
from reports.api.fields import InputSerializer
from reports.api.filters import ReportJobFilters
from reports.api.idempotency import REPLAYED, JobResponse, idempotent_request
from reports.api.links import base_url_of
from reports.api.pagination import LatestFirst
from reports.api.permissions import reauthenticate
from reports.api.serializers.orders import NO_SUCH_SUBSCRIPTION, ReportJobOrderSerializer
from reports.api.serializers.report_jobs import ReportJobSerializer, complete, job_json, requested_json
from reports.api.throttling import queue_limit_as_problem
from reports.models import ReportJob, ReportJobQuerySet
from reports.orders.deduplicate import unsubscribe
from reports.orders.enqueue import ReportOrder, SubscriptionDeletedError, enqueue_report

RETRY_AFTER_SECONDS = 2
"""How long clients wait before they read a job again, unless they use `wait`."""


class ReportJobs(ApiView[ReportJob]):
    """Base class for views of the report jobs that the caller sees."""

    queryset = ReportJob.objects.none()
    serializer_class = ReportJobSerializer

    def get_queryset(self) -> ReportJobQuerySet:
        """Return the jobs with everything that the response shows."""
        return complete(self.caller.report_jobs)

    def answer(self, job: ReportJob, *, retry_after: int = RETRY_AFTER_SECONDS) -> Response:
        """Return a response with the job, and with `Retry-After` unless the job is finished."""
        headers = {} if job.is_finished else {"Retry-After": str(retry_after)}
        return Response(job_json(job, base_url=base_url_of(self.request)), headers=headers)


class ReportJobsView(ReportJobs, ListView[ReportJob]):
    """Lists report jobs, latest first, and accepts requests for reports."""

    filterset_class = ReportJobFilters
    pagination_class = LatestFirst

    def post(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Request a report; the job may be an existing one.

        A repeated request with the same `Idempotency-Key` gets the first response again.
        """
        today = timezone.now().date()
        attempt = idempotent_request(request, self.caller)
        answer = attempt.first_response() if attempt else None
        if answer is None:
            order = ReportJobOrderSerializer(data=request.data, context={"caller": self.caller, "today": today})
            order.is_valid(raise_exception=True)
            self.count_for_account(order.validated_data["subscription"].account_id)
            make = partial(self._make, order.validated_data, today)
            answer = attempt.answer(make) if attempt else JobResponse(make()[1])
        return _answered(answer)

    def _make(self, order: Mapping[str, Any], today: date) -> tuple[ReportJob, dict[str, Any]]:
        wanted = dict(order)
        again = wanted.pop("again")
        try:
            with queue_limit_as_problem():
                placed = enqueue_report(
                    ReportOrder(**wanted),
                    administrator=self.caller.administrator,
                    token=self.caller.token,
                    today=today,
                    again=again,
                )
        except SubscriptionDeletedError as error:
            raise invalid([FieldError("subscription", NO_SUCH_SUBSCRIPTION)]) from error
        return placed.job, requested_json(placed, base_url=base_url_of(self.request))


def _answered(answer: JobResponse) -> Response:
    """Return a 202 with a job to wait for, or a 200 with a finished one."""
    headers = {"Location": answer.body["url"]}
    if answer.is_replayed:
        headers[REPLAYED] = "true"
    if answer.body.get("unchanged"):
        return Response(answer.body, status=status.HTTP_200_OK, headers=headers)
    headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return Response(answer.body, status=status.HTTP_202_ACCEPTED, headers=headers)


class ReportJobView(ReportJobs, ObjectView[ReportJob]):
    """Shows a report job, and holds requests until its state changes."""

    query_parameters = (polling.PARAMETER,)

    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Return the job; with `wait`, once its state has changed or the time is up."""
        seconds = polling.requested_wait(request)
        job = self.get_object()
        if not polling.wait_for_state_change(job, seconds):
            again = polling.retry_after_seconds(seconds, at_least=RETRY_AFTER_SECONDS)
            return self.answer(job, retry_after=again)
        reauthenticate(request)
        return self.answer(self.get_object())


class ReportJobCancelView(ReportJobs):
    """Cancels a report job, or withdraws the caller's request for it."""

    lookup_field = "id"

    def post(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Withdraw the caller's request, and cancel the job if no other requests remain."""
        job = self.get_object()
        InputSerializer(data=request.data).is_valid(raise_exception=True)
        result = unsubscribe(job, administrator=self.caller.administrator, token=self.caller.token)
        if not (result.is_cancelled or result.still_subscribed):
            raise Problem(ProblemType.ALREADY_FINISHED, f"The job is already {job.get_state_display()}.")
        return self.answer(self.get_object())
