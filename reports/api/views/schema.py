"""The API's own description: the schema for programs, and a page for people. Both are open to everybody."""

from functools import cache
from typing import Any

from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from reports.api import exceptions
from reports.api.exceptions import ProblemType


@cache
def written(file_format: str) -> bytes:
    """The whole schema as `yaml` or `json`; made once in a process, since it changes with the code alone."""
    document = spectacular_settings.DEFAULT_GENERATOR_CLASS().get_schema(request=None, public=True)
    renderer = OpenApiYamlRenderer() if file_format == "yaml" else OpenApiJsonRenderer()
    return bytes(renderer.render(document, renderer_context={}))


class SchemaView(APIView):
    """The schema as YAML, or as JSON for who prefers that."""

    authentication_classes = []
    permission_classes = [AllowAny]
    # The first also for who names none, such as a browser.
    renderer_classes = [OpenApiYamlRenderer2, OpenApiYamlRenderer, OpenApiJsonRenderer2, OpenApiJsonRenderer]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """The same for everybody."""
        chosen = request.accepted_renderer
        return HttpResponse(written(str(chosen.format)), content_type=str(chosen.media_type))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Problems are JSON whatever was asked for."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        if isinstance(answer, Response):
            answer.accepted_renderer = JSONRenderer()
        return answer


# Swagger UI draws its arrows and icons by style sheet, as data. Its scripts and styles keep to the policy.
@csrf_exempt
@csp_update({"img-src": ["'self'", "data:"]})
def documentation(request: HttpRequest) -> HttpResponseBase:
    """The schema as a page, on which requests can be tried with a token or as the one who is signed in."""
    if request.method not in ("GET", "HEAD"):
        answer = exceptions.plain_response(ProblemType.METHOD_NOT_ALLOWED, "The documentation can only be read.")
        answer["Allow"] = "GET, HEAD"
        return answer
    return render(request, "api/docs.html")
