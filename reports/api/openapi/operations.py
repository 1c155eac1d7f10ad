"""The API's operations: what each one does, accepts and returns, beyond what its view and serializers declare.

Responses are declared by status code; `inspection.py` adds the problems that follow from an operation's kind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from reports import formats
from reports.api.exceptions import ProblemType
from reports.api.openapi import examples
from reports.api.serializers.manifests import ManifestSerializer
from reports.api.serializers.orders import ReportJobOrderSerializer
from reports.api.serializers.report_jobs import ReportJobSerializer, RequestedReportJobSerializer
from reports.api.serializers.report_types import ReportTypeSerializer
from reports.api.serializers.root import RootSerializer
from reports.api.serializers.subscriptions import SubscriptionSerializer

Json = dict[str, Any]


class ResponseSpec(OpenApiResponse):
    """A response with headers, by their names in `headers.py`, and links to follow-up operations.

    `content` replaces what would be derived from the serializer.
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
    """One method of one path. `responses` are by status code; HEAD has those of GET without bodies."""

    id: str
    tag: str
    summary: str
    description: str
    responses: Mapping[int, ResponseSpec | ProblemType]
    request: type[serializers.Serializer[Any]] | None = None
    request_examples: Mapping[str, Json] = field(default_factory=dict)
    parameters: Sequence[OpenApiParameter] = ()
    head: str = ""
    """The ID of the HEAD operation of the same path, if it is described."""
    negotiated: bool = True
    """Whether the Accept header matters."""


def _job_links(job: str = "$response.body#/id") -> dict[str, Json]:
    """Return the links from a response that is a job."""
    following = {
        "read": ("read_report_job", "Read the job; use `wait` to wait for a change."),
        "cancel": ("cancel_report_job", "Cancel the job before it finishes."),
        "file": ("fetch_report_file", "Download the file once the job has succeeded."),
        "manifest": ("read_report_manifest", "Read the manifest of the file."),
        "delete": ("delete_report_file", "Delete the file before it expires."),
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
    description="Wait up to this many seconds for the job's `state` to change before responding. Under heavy load the "
    "response may come sooner.",
)
_KEY = _header(
    "Idempotency-Key",
    "Makes the request safe to retry for 24 hours: requests with the same key and body create at most one job and get "
    "the first response again. Choose a new key for each new request.",
    "1f0c6d3e-voice-usage-2026-11",
    minLength=1,
    maxLength=255,
    pattern="^[!-~]+$",
)
_IF_MATCH = _header(
    "If-Match", "The expected `ETag` of the file; if it differs, the request fails with 412.", examples.ETAG
)
_FILE_CONDITIONS = [
    _IF_MATCH,
    _header("Range", "A single range of bytes to download.", "bytes=0-1023"),
    _header(
        "If-Range",
        "The `ETag` of the partially downloaded file; if it differs, the whole file is sent instead of the range.",
        examples.ETAG,
    ),
    _header(
        "If-None-Match",
        "The `ETag` of a file you already have; if it matches, the response is a 304 without the file.",
        examples.ETAG,
    ),
]
_FILE_HEADERS = ("Content-Disposition", "ETag", "Repr-Digest", "Cache-Control", "Accept-Ranges", "Last-Modified")
_BINARY: Json = {"schema": {"type": "string", "format": "binary"}}
_TEXTS: dict[str, Json] = {
    "text/csv": {"schema": {"type": "string"}, "examples": {"CSV": {"value": examples.CSV}}},
    "application/jsonl": {"schema": {"type": "string"}, "examples": {"JSON Lines": {"value": examples.JSON_LINES}}},
}
_MEDIA_TYPES = [known.content_type.partition(";")[0] for known in formats.all_formats()]
_FILE: dict[str, Json] = {
    # Not a media type of any format. Client generators that support one type per response take the first they know:
    # with this one they return bytes, whereas decoding a workbook as text would destroy it.
    "application/octet-stream": _BINARY,
    **{media_type: _BINARY for media_type in _MEDIA_TYPES if media_type not in _TEXTS},
    **_TEXTS,
    # New formats do not change the version of the API.
    "*/*": _BINARY,
}
_NO_FILE: dict[int, ResponseSpec | ProblemType] = {
    409: ProblemType.NOT_READY,
    410: ProblemType.EXPIRED,
    412: ProblemType.PRECONDITION_FAILED,
}


class ReportTypePageSerializer(serializers.Serializer[Any]):
    """All report types, on a single page."""

    next = serializers.URLField(allow_null=True, help_text="Always null: there is only one page.")
    previous = serializers.URLField(allow_null=True, help_text="Always null: there is only one page.")
    results = ReportTypeSerializer(many=True)


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/api/v1/"): Operation(
        id="read_root",
        tag="discovery",
        summary="Get the entry point",
        description="Returns links to everything else in the API.",
        responses={200: ResponseSpec(RootSerializer, description="The links.", example={"Links": examples.ROOT})},
    ),
    ("GET", "/api/v1/subscriptions/"): Operation(
        id="list_subscriptions",
        tag="discovery",
        summary="List subscriptions",
        description="Returns the subscriptions that you can see, ordered by number, with their billing cycles and "
        "the days "
        "for which data is available.",
        responses={
            200: ResponseSpec(
                SubscriptionSerializer,
                description="One page.",
                example={"Page": examples.page(examples.SUBSCRIPTION)},
                links={
                    "first": _link(
                        "read_subscription",
                        "Read the first subscription.",
                        **{"path.id": "$response.body#/results/0/id"},
                    )
                },
            )
        },
    ),
    ("GET", "/api/v1/subscriptions/{id}/"): Operation(
        id="read_subscription",
        tag="discovery",
        summary="Read a subscription",
        description="Returns the subscription with its current and previous billing cycles, and the days for which "
        "data is "
        "available.",
        responses={
            200: ResponseSpec(
                SubscriptionSerializer,
                description="The subscription.",
                example={"Subscription": examples.SUBSCRIPTION},
                links={
                    "jobs": _link(
                        "list_report_jobs",
                        "List the subscription's report jobs.",
                        **{"query.subscription": "$response.body#/number"},
                    )
                },
            )
        },
    ),
    ("GET", "/api/v1/report-types/"): Operation(
        id="list_report_types",
        tag="discovery",
        summary="List report types",
        description="Returns the available report types, with the columns and formats of their files. New report "
        "types may "
        "be added at any time.",
        responses={
            200: ResponseSpec(
                ReportTypePageSerializer,
                description="All report types.",
                example={"Report types": examples.page(examples.REPORT_TYPE)},
                links={
                    "first": _link(
                        "read_report_type",
                        "Read the first report type.",
                        **{"path.slug": "$response.body#/results/0/slug"},
                    )
                },
            )
        },
    ),
    ("GET", "/api/v1/report-types/{slug}/"): Operation(
        id="read_report_type",
        tag="discovery",
        summary="Read a report type",
        description="Returns the report type with the columns and formats of its files.",
        responses={
            200: ResponseSpec(
                ReportTypeSerializer, description="The report type.", example={"Report type": examples.REPORT_TYPE}
            )
        },
    ),
    ("GET", "/api/v1/report-jobs/"): Operation(
        id="list_report_jobs",
        tag="report jobs",
        summary="List report jobs",
        description="Returns the report jobs for all subscriptions that you can see, including those requested by "
        "others, "
        "latest first.",
        responses={
            200: ResponseSpec(
                ReportJobSerializer, description="One page.", example={"Page": examples.page(examples.SUCCEEDED)}
            )
        },
    ),
    ("POST", "/api/v1/report-jobs/"): Operation(
        id="request_report",
        tag="report jobs",
        summary="Request a report",
        description="Returns a job immediately; the report is produced in the background. Give both days or neither: "
        "without them, the report covers the subscription's `default_range`.\n\n"
        "Reports are not produced twice. If the same report is already queued or running, you are added to that job "
        "and "
        "`joined` is true. If it was produced earlier, its file still exists and its data has not changed since, that "
        "job is returned and `unchanged` is true. Set `again` to produce it again anyway.",
        request=ReportJobOrderSerializer,
        request_examples={
            "Default range": examples.ORDER,
            "Chosen days": examples.ORDER_WITH_DAYS,
            "Again even if unchanged": examples.ORDER_AGAIN,
        },
        parameters=[_KEY],
        responses={
            200: ResponseSpec(
                RequestedReportJobSerializer,
                description="An earlier job that has succeeded; its data has not changed since.",
                example={"Unchanged": examples.UNCHANGED},
                headers=("Location", "Idempotency-Replayed"),
                links=_job_links(),
            ),
            202: ResponseSpec(
                RequestedReportJobSerializer,
                description="The job to wait for: a new, queued job, or a job in progress that you joined.",
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
        summary="Read a report job",
        description="Returns the job with its state and progress. With `wait`, the response is delayed until the state "
        "changes or the time is up. A job is finished when its state is `succeeded`, `failed` or `cancelled`.",
        parameters=[_WAIT],
        responses={
            200: ResponseSpec(
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
        summary="Cancel a report job",
        description="A queued job is never started; a running job is stopped and its partial output is discarded.\n\n"
        "If you requested the report, this withdraws your request: the one made with this token if there is one, "
        "otherwise "
        "all of yours. The job continues while others are waiting for it, and is cancelled when the last of them "
        "withdraws. If you did not request it, the job is cancelled for everyone, which takes *Billing > All "
        "Permissions* or platform staff; for anyone else, it is a 403.",
        responses={
            200: ResponseSpec(
                ReportJobSerializer,
                description="The job: cancelled, or still in progress if others are waiting for it.",
                example={"Cancelled": examples.CANCELLED, "Others are waiting": examples.RUNNING},
                links=_job_links(),
            ),
            409: ProblemType.ALREADY_FINISHED,
        },
    ),
    ("GET", "/api/v1/report-jobs/{id}/file/"): Operation(
        id="fetch_report_file",
        tag="report jobs",
        summary="Download a report's file",
        description="The file never changes. `ETag` and `Repr-Digest` carry its SHA-256, which equals "
        "`result.sha256` of "
        "the job. The media type is that of the file's format; only CSV and JSON Lines are text (UTF-8), all other "
        "formats "
        "are binary.",
        parameters=_FILE_CONDITIONS,
        responses={
            200: ResponseSpec(description="The whole file.", content=_FILE, headers=("Content-Length", *_FILE_HEADERS)),
            206: ResponseSpec(
                description="The requested range of bytes.",
                content=_FILE,
                headers=("Content-Length", "Content-Range", *_FILE_HEADERS),
            ),
            304: ResponseSpec(
                description="The file that you already have is current.", headers=("ETag", "Cache-Control")
            ),
            **_NO_FILE,
            416: ProblemType.RANGE_NOT_SATISFIABLE,
        },
        head="check_report_file",
        negotiated=False,
    ),
    ("DELETE", "/api/v1/report-jobs/{id}/file/"): Operation(
        id="delete_report_file",
        tag="report jobs",
        summary="Delete a report's file",
        description="The job and its manifest are kept. To get the file again, request the report again.\n\n"
        "If others requested the report, alone or as well as you, this takes *Billing > All Permissions* or platform "
        "staff.",
        parameters=[_IF_MATCH],
        responses={204: ResponseSpec(description="The file was deleted."), **_NO_FILE},
        negotiated=False,
    ),
    ("GET", "/api/v1/report-jobs/{id}/manifest/"): Operation(
        id="read_report_manifest",
        tag="report jobs",
        summary="Read a report's manifest",
        description="Returns a description of the file: report type, columns, subscription, date range, control "
        "totals, "
        "size and SHA-256. The manifest remains available after the file is deleted.",
        responses={
            200: ResponseSpec(ManifestSerializer, description="The manifest.", example={"Manifest": examples.MANIFEST}),
            409: ProblemType.NOT_READY,
        },
    ),
}


def operation_of(method: str, path: str) -> Operation:
    """Return the declaration of an operation; raise a KeyError that names it if it has none."""
    return OPERATIONS[method, path]
