"""Views of a finished report's file and manifest."""

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
    """Serves the file for GET and HEAD, and deletes it."""

    lookup_field = "id"

    def get(self, request: Request, *args: object, **kwargs: object) -> HttpResponseBase:
        """Return the file or the requested range of it."""
        job = self.get_object()
        with _problems_of(job):
            return file_response(request, job, administrator=self.caller.administrator)

    def delete(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Delete the file before it expires; the job is kept."""
        job = self.get_object()
        with _problems_of(job):
            if job.file:
                refuse_other_than(request, job)
            delete_report_file(job, administrator=self.caller.administrator)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:  # noqa: FBT001, FBT002 - as the framework calls it
        """Ignore the Accept header: a file has only one media type, and problems are JSON."""
        return super().perform_content_negotiation(request, force=True)


class ManifestView(ReportJobs):
    """Describes a report's file, also after the file was deleted."""

    lookup_field = "id"

    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        """Return the manifest; raise a problem unless the job succeeded."""
        job = self.get_object()
        if job.state != State.SUCCEEDED:
            raise _not_ready(job, f"The report is {job.get_state_display()}: there is no manifest.")
        return Response(ManifestSerializer(job).data)


@contextmanager
def _problems_of(job: ReportJob) -> Iterator[None]:
    """Turn the reasons why there is no file for the caller into problems."""
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
