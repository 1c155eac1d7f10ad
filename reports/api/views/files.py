"""The file of a finished report, and its manifest."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http.response import HttpResponseBase
from rest_framework import status
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.states import State
from reports.api.exceptions import Problem, ProblemType
from reports.api.serializers.manifests import ManifestSerializer
from reports.api.views.report_jobs import RETRY_AFTER_SECONDS, ReportJobs
from reports.models import ReportJob
from reports.orders.downloads import ExpiredError, NotReadyError, delete_report_file
from reports.orders.file_responses import (
    PreconditionFailedError,
    UnsatisfiableRangeError,
    file_response,
    refuse_other_than,
)


class ReportFileView(ReportJobs):
    """The file; GET also answers HEAD."""

    lookup_field = "id"

    def get(self, request: Request, *args: object, **kwargs: object) -> HttpResponseBase:
        """The bytes, all of them or the range that is asked for."""
        job = self.get_object()
        with _problems_of(job):
            return file_response(request, job, administrator=self.caller.administrator)

    def delete(self, request: Request, *args: object, **kwargs: object) -> Response:
        """The end of the file before its time; the job stays."""
        job = self.get_object()
        with _problems_of(job):
            if job.file:
                refuse_other_than(request, job)
            delete_report_file(job, administrator=self.caller.administrator)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:  # noqa: FBT001, FBT002 - as the framework calls it
        """The file has the one media type that it has, whatever is accepted; a problem is JSON."""
        return super().perform_content_negotiation(request, force=True)


class ManifestView(ReportJobs):
    """What a report's file holds."""

    lookup_field = "id"

    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Also when the file is gone."""
        job = self.get_object()
        if job.state != State.SUCCEEDED:
            raise _not_ready(job, f"The report is {job.get_state_display()}: there is no manifest.")
        return Response(ManifestSerializer(job).data)


@contextmanager
def _problems_of(job: ReportJob) -> Iterator[None]:
    """What keeps the file from the caller, as problems."""
    try:
        yield
    except NotReadyError as error:
        raise _not_ready(job, str(error)) from None
    except ExpiredError as error:
        raise Problem(ProblemType.EXPIRED, str(error)) from None
    except PreconditionFailedError as error:
        raise Problem(ProblemType.PRECONDITION_FAILED, str(error)) from None
    except UnsatisfiableRangeError as error:
        headers = {"Content-Range": error.content_range}
        raise Problem(ProblemType.RANGE_NOT_SATISFIABLE, str(error), headers=headers) from None


def _not_ready(job: ReportJob, sentence: str) -> Problem:
    headers = {} if job.is_finished else {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return Problem(ProblemType.NOT_READY, sentence, headers=headers)
