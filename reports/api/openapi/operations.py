"""The API's operations: what each does, takes and answers, beyond what the views and serializers say themselves.

Answers are declared by their status; problems that follow from an operation's kind are added in `inspection.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from reports.api.exceptions import ProblemType
from reports.api.openapi import examples
from reports.api.serializers.manifests import ManifestSerializer
from reports.api.serializers.orders import ReportJobOrderSerializer
from reports.api.serializers.report_jobs import ReportJobSerializer, RequestedReportJobSerializer
from reports.api.serializers.report_types import ReportTypeSerializer
from reports.api.serializers.root import RootSerializer
from reports.api.serializers.subscriptions import SubscriptionSerializer

Json = dict[str, Any]


class Answer(OpenApiResponse):
    """An answer with headers, by their names in `headers.py`, and links to the operations that come next.

    `content` stands in the place of what is made from the serializer.
    """

    def __init__(
        self,
        response: Any = None,
        *,
        description: str,
        example: Mapping[str, Any] | None = None,
        headers: Sequence[str] = (),
        links: Mapping[str, Json] | None = None,
        content: Mapping[str, Json] | None = None,
    ) -> None:
        super().__init__(response=response, description=description)
        self.shown = {name: {"value": value} for name, value in (example or {}).items()}
        self.headers = headers
        self.links = links or {}
        self.content = content


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one address. `answers` are by status; those of `head` are as the ones of GET, without contents."""

    id: str
    tag: str
    summary: str
    description: str
    answers: Mapping[int, Answer | ProblemType]
    request: type[serializers.Serializer[Any]] | None = None
    request_examples: Mapping[str, Json] = field(default_factory=dict)
    parameters: Sequence[OpenApiParameter] = ()
    head: str = ""
    """The ID of the HEAD operation of the same address, if it is worth having."""
    negotiated: bool = True
    """Whether the header Accept is looked at."""


def _job_links(job: str = "$response.body#/id") -> dict[str, Json]:
    """From an answer that is a job."""
    following = {
        "read": ("read_report_job", "How the job stands; wait for it with `wait`."),
        "cancel": ("cancel_report_job", "End it before it is done."),
        "file": ("fetch_report_file", "The file, once the job succeeded."),
        "manifest": ("read_report_manifest", "What the file holds."),
        "delete": ("delete_report_file", "Delete the file before its time."),
    }
    return {
        name: {"operationId": operation, "description": description, "parameters": {"path.id": job}}
        for name, (operation, description) in following.items()
    }


def _link(operation: str, description: str, **parameters: str) -> Json:
    return {"operationId": operation, "description": description, "parameters": parameters}


def _header(name: str, description: str, example: str, **schema: Any) -> OpenApiParameter:
    return OpenApiParameter(
        name,
        type={"type": "string", **schema},
        location=OpenApiParameter.HEADER,
        description=description,
        examples=[OpenApiExample(name, value=example)],
    )


_WAIT = OpenApiParameter(
    "wait",
    type={"type": "integer", "minimum": 0, "maximum": 30, "default": 0},
    description="Hold the request for so many seconds at most, until the job's state changes.",
)
_KEY = _header(
    "Idempotency-Key",
    "Makes the request safe to repeat for 24 hours: with the same key and body the answer is the first one's, and only "
    "one job is made, if any.",
    "1f0c6d3e-voice-usage-2026-11",
    minLength=1,
    maxLength=255,
    pattern="^[!-~]+$",
)
_IF_MATCH = _header("If-Match", "The `ETag` of the file that is meant; of another file nothing is done.", examples.ETAG)
_FILE_CONDITIONS = [
    _IF_MATCH,
    _header("Range", "Some of the bytes: one range.", "bytes=0-1023"),
    _header(
        "If-Range",
        "The `ETag` of the file whose other bytes are wanted; of another file all bytes are sent.",
        examples.ETAG,
    ),
    _header("If-None-Match", "The `ETag` of the file that one has already; then the answer is a 304.", examples.ETAG),
]
_FILE_HEADERS = ("Content-Disposition", "ETag", "Repr-Digest", "Cache-Control", "Accept-Ranges", "Last-Modified")
# Any media type: a new format is no new version of the API.
_FILE: dict[str, Json] = {
    "text/csv": {"schema": {"type": "string"}, "examples": {"CSV": {"value": examples.CSV}}},
    "*/*": {"schema": {}},
}
_NO_FILE: dict[int, Answer | ProblemType] = {
    409: ProblemType.NOT_READY,
    410: ProblemType.EXPIRED,
    412: ProblemType.PRECONDITION_FAILED,
}


class ReportTypePageSerializer(serializers.Serializer[Any]):
    """All report types, as the one page of a list."""

    next = serializers.URLField(allow_null=True, help_text="Always null: there is one page.")
    previous = serializers.URLField(allow_null=True, help_text="Always null.")
    results = ReportTypeSerializer(many=True)


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/api/v1/"): Operation(
        id="read_root",
        tag="discovery",
        summary="Where everything begins",
        description="The addresses from which a program finds all others.",
        answers={200: Answer(RootSerializer, description="The addresses.", example={"Addresses": examples.ROOT})},
    ),
    ("GET", "/api/v1/subscriptions/"): Operation(
        id="list_subscriptions",
        tag="discovery",
        summary="The subscriptions that you see",
        description="By their numbers, with their billing cycles and the days for which there is data.",
        answers={
            200: Answer(
                SubscriptionSerializer,
                description="One page.",
                example={"Page": examples.page(examples.SUBSCRIPTION)},
                links={
                    "first": _link(
                        "read_subscription", "The first one by itself.", **{"path.id": "$response.body#/results/0/id"}
                    )
                },
            )
        },
    ),
    ("GET", "/api/v1/subscriptions/{id}/"): Operation(
        id="read_subscription",
        tag="discovery",
        summary="One subscription",
        description="Its current cycle and those before, and the days for which there is data.",
        answers={
            200: Answer(
                SubscriptionSerializer,
                description="The subscription.",
                example={"Subscription": examples.SUBSCRIPTION},
                links={
                    "jobs": _link(
                        "list_report_jobs", "The jobs on it.", **{"query.subscription": "$response.body#/number"}
                    )
                },
            )
        },
    ),
    ("GET", "/api/v1/report-types/"): Operation(
        id="list_report_types",
        tag="discovery",
        summary="The reports that there are",
        description="With the columns of their files and the formats that they come in. There may be more at any time.",
        answers={
            200: Answer(
                ReportTypePageSerializer,
                description="All of them.",
                example={"Report types": examples.page(examples.REPORT_TYPE)},
                links={
                    "first": _link(
                        "read_report_type",
                        "The first one by itself.",
                        **{"path.slug": "$response.body#/results/0/slug"},
                    )
                },
            )
        },
    ),
    ("GET", "/api/v1/report-types/{slug}/"): Operation(
        id="read_report_type",
        tag="discovery",
        summary="One report type",
        description="With the columns of its file and the formats that it comes in.",
        answers={
            200: Answer(
                ReportTypeSerializer, description="The report type.", example={"Report type": examples.REPORT_TYPE}
            )
        },
    ),
    ("GET", "/api/v1/report-jobs/"): Operation(
        id="list_report_jobs",
        tag="report jobs",
        summary="The report jobs, the latest first",
        description="Those on the subscriptions that you see, whoever asked for them.",
        answers={
            200: Answer(
                ReportJobSerializer, description="One page.", example={"Page": examples.page(examples.SUCCEEDED)}
            )
        },
    ),
    ("POST", "/api/v1/report-jobs/"): Operation(
        id="request_report",
        tag="report jobs",
        summary="Ask for a report",
        description="Answered at once with a job, which workers take up. Give both days or neither: without them the "
        "report covers the subscription's `default_range`.\n\n"
        "No work is done twice. While the same report is queued or running, whoever asks for it waits for that job: it "
        "is `joined`. When it is finished, its file is still there and nothing has changed since, the answer is that "
        "job, which is `unchanged`; with `again` a new one is made even so.",
        request=ReportJobOrderSerializer,
        request_examples={
            "Default range": examples.ORDER,
            "Some days": examples.ORDER_WITH_DAYS,
            "Changed or not": examples.ORDER_AGAIN,
        },
        parameters=[_KEY],
        answers={
            200: Answer(
                RequestedReportJobSerializer,
                description="A job that is finished: nothing that its file shows has changed since.",
                example={"Unchanged": examples.UNCHANGED},
                headers=("Location", "Idempotency-Replayed"),
                links=_job_links(),
            ),
            202: Answer(
                RequestedReportJobSerializer,
                description="The job to wait for: a new one, which is queued, or one under way that was joined.",
                example={"Queued": examples.REQUESTED, "Joined": examples.JOINED},
                headers=("Location", "Retry-After", "Idempotency-Replayed"),
                links=_job_links(),
            ),
            422: ProblemType.IDEMPOTENCY_KEY_REUSED,
            429: ProblemType.TOO_MANY_JOBS,
        },
    ),
    ("GET", "/api/v1/report-jobs/{id}/"): Operation(
        id="read_report_job",
        tag="report jobs",
        summary="How a job stands",
        description="With `wait`, the answer comes when the job's state has changed, or when the time is up. "
        "Finished are `succeeded`, `failed` and `cancelled`.",
        parameters=[_WAIT],
        answers={
            200: Answer(
                ReportJobSerializer,
                description="The job.",
                example={"Running": examples.RUNNING, "Succeeded": examples.SUCCEEDED, "Failed": examples.FAILED},
                headers=("Retry-After",),
                links=_job_links(),
            )
        },
    ),
    ("POST", "/api/v1/report-jobs/{id}/cancel/"): Operation(
        id="cancel_report_job",
        tag="report jobs",
        summary="End a job before it is done",
        description="Queued, it is never begun; running, its worker stops and what it made is discarded.\n\n"
        "Who asked for the report withdraws what they asked for with this token (signed in: all that they asked for). "
        "The job goes on for others who wait for it, and ends with the last of them. Who never asked for it, such as "
        "the platform's staff, ends it for everybody.",
        answers={
            200: Answer(
                ReportJobSerializer,
                description="The job: cancelled, or as it stands while others still wait for it.",
                example={"Cancelled": examples.CANCELLED, "Others wait": examples.RUNNING},
                links=_job_links(),
            ),
            409: ProblemType.ALREADY_FINISHED,
        },
    ),
    ("GET", "/api/v1/report-jobs/{id}/file/"): Operation(
        id="fetch_report_file",
        tag="report jobs",
        summary="The file of a report",
        description="Its bytes never change: `ETag` and `Repr-Digest` are its SHA-256, to hold against the job's. "
        "Its media type follows from its format.",
        parameters=_FILE_CONDITIONS,
        answers={
            200: Answer(description="The whole file.", content=_FILE, headers=("Content-Length", *_FILE_HEADERS)),
            206: Answer(
                description="The bytes that were asked for.",
                content=_FILE,
                headers=("Content-Length", "Content-Range", *_FILE_HEADERS),
            ),
            304: Answer(description="It is the file that you have.", headers=("ETag", "Cache-Control")),
            **_NO_FILE,
            416: ProblemType.RANGE_NOT_SATISFIABLE,
        },
        head="check_report_file",
        negotiated=False,
    ),
    ("DELETE", "/api/v1/report-jobs/{id}/file/"): Operation(
        id="delete_report_file",
        tag="report jobs",
        summary="Delete the file of a report",
        description="The job and its manifest stay; whoever needs the file again asks for the report again.",
        parameters=[_IF_MATCH],
        answers={204: Answer(description="It is gone."), **_NO_FILE},
        negotiated=False,
    ),
    ("GET", "/api/v1/report-jobs/{id}/manifest/"): Operation(
        id="read_report_manifest",
        tag="report jobs",
        summary="What a file holds",
        description="Report type, columns, subscription, range, rows, bytes and SHA-256; it stays when the file is "
        "deleted.",
        answers={
            200: Answer(ManifestSerializer, description="The manifest.", example={"Manifest": examples.MANIFEST}),
            409: ProblemType.NOT_READY,
        },
    ),
}


def operation_of(method: str, path: str) -> Operation:
    """The operation's description. Every operation has one: a KeyError that names it when it has none."""
    return OPERATIONS[method, path]
