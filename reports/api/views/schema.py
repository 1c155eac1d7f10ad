"""The OpenAPI document for programs, and a page of documentation for people. Both are public."""

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
def rendered_schema(file_format: str) -> bytes:
    """Return the OpenAPI document as `yaml` or `json`; cached, since it changes only with the code."""
    document = spectacular_settings.DEFAULT_GENERATOR_CLASS().get_schema(request=None, public=True)
    renderer = OpenApiYamlRenderer() if file_format == "yaml" else OpenApiJsonRenderer()
    return bytes(renderer.render(document, renderer_context={}))


class SchemaView(APIView):
    """Serves the OpenAPI document as YAML, or as JSON if the client prefers it."""

    authentication_classes = []
    permission_classes = [AllowAny]
    # The first is the default for clients that name none of them, such as browsers.
    renderer_classes = [OpenApiYamlRenderer2, OpenApiYamlRenderer, OpenApiJsonRenderer2, OpenApiJsonRenderer]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        chosen = request.accepted_renderer
        return HttpResponse(rendered_schema(str(chosen.format)), content_type=str(chosen.media_type))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Render problems as JSON whatever the Accept header says."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        if isinstance(answer, Response):
            answer.accepted_renderer = JSONRenderer()
        return answer


# Swagger UI's style sheet embeds icons as data URLs. Its scripts and styles comply with the policy.
@csrf_exempt
@csp_update({"img-src": ["'self'", "data:"]})
def documentation(request: HttpRequest) -> HttpResponseBase:
    """Show the documentation, where requests can be tried with a token or the browser's session."""
    if request.method not in ("GET", "HEAD"):
        answer = exceptions.plain_response(ProblemType.METHOD_NOT_ALLOWED, "The documentation is read-only.")
        answer["Allow"] = "GET, HEAD"
        return answer
    return render(request, "api/docs.html")
