"""Derives what all operations have in common, so that no view repeats it.

What differs between operations (names, responses, examples) is declared in `operations.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentIdentity, ResolvedComponent
from drf_spectacular.utils import OpenApiExample

from reports.api.exceptions import ProblemType
from reports.api.fields import InputSerializer
from reports.api.openapi import headers, problem_responses
from reports.api.openapi.operations import Operation, ResponseSpec, operation_of

Json = dict[str, Any]

_OF_ALL = (
    ProblemType.MALFORMED_REQUEST,
    ProblemType.VALIDATION_FAILED,
    ProblemType.NOT_AUTHENTICATED,
    ProblemType.PERMISSION_DENIED,
    ProblemType.RATE_LIMITED,
    ProblemType.INTERNAL_ERROR,
)
_OF_AN_OBJECT = (ProblemType.NOT_FOUND,)
_OF_A_BODY = (ProblemType.BODY_TOO_LARGE, ProblemType.UNSUPPORTED_MEDIA_TYPE)


class ApiSchema(AutoSchema):
    """Reads each operation from `operations.py`, and adds the problems and headers that follow from its kind."""

    @property
    def operation(self) -> Operation:
        """Return the declaration of the operation."""
        return operation_of(self.method, self.path)

    def get_operation_id(self) -> str:
        """Return the name of the function in generated clients."""
        return self.operation.id

    def get_summary(self) -> str:
        return self.operation.summary

    def get_description(self) -> str:  # type: ignore[override]  # drf-spectacular's, without DRF's arguments
        return self.operation.description

    def get_tags(self) -> list[str]:
        return [self.operation.tag]

    def get_request_serializer(self) -> Any:
        return self.operation.request

    def get_override_parameters(self) -> Any:
        """Return the parameters that neither the path nor the filters declare."""
        return self.operation.parameters

    def get_examples(self) -> list[OpenApiExample]:
        """Return the examples of the request body; responses declare theirs themselves."""
        named = self.operation.request_examples.items()
        return [OpenApiExample(name, value=value, request_only=True) for name, value in named]

    def get_response_serializers(self) -> Any:
        """Return the declared responses without the problems."""
        declared = self.operation.responses
        return {code: spec for code, spec in declared.items() if isinstance(spec, ResponseSpec)}

    def _get_response_bodies(self, direction: Any = "response") -> Json:
        responses = {
            str(code): self._response(spec, str(code)) for code, spec in self.get_response_serializers().items()
        }
        for status, types in self._problems().items():
            responses[str(status)] = self._problem_response(types).ref
        return dict(sorted(responses.items()))

    def _response(self, spec: ResponseSpec, code: str) -> Json:
        described: Json = self._get_response_for_code(spec, code)
        if spec.content is not None:
            described["content"] = dict(spec.content)
        elif spec.shown:
            described["content"]["application/json"]["examples"] = spec.shown
        names = (*spec.headers, *headers.OF_ALL)
        described["headers"] = {name: self._header(name).ref for name in names}
        if spec.links:
            described["links"] = dict(spec.links)
        return described

    def _problems(self) -> dict[int, list[ProblemType]]:
        """Return the problems that the operation may respond with, by status code."""
        own = [it for it in self.operation.responses.values() if isinstance(it, ProblemType)]
        derived = [*_OF_ALL]
        if "{" in self.path:
            derived += _OF_AN_OBJECT
        if self.operation.negotiated:
            derived.append(ProblemType.NOT_ACCEPTABLE)
        if self.method == "POST":
            derived += _OF_A_BODY
        by_status: dict[int, list[ProblemType]] = {}
        for problem in (*derived, *own):
            by_status.setdefault(problem.status, []).append(problem)
        return by_status

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Json:
        """Require all properties of a response, and forbid additional properties in a request body."""
        schema: Json = super()._map_basic_serializer(serializer, direction)
        # The rest of a serializer's docstring is for developers of the API.
        schema["description"] = schema["description"].partition("\n\n")[0]
        if isinstance(serializer, InputSerializer):
            return {**schema, "additionalProperties": False, "dependentRequired": _together(schema["properties"])}
        for member in schema["properties"].values():
            member.pop("readOnly", None)
        return {**schema, "required": list(schema["properties"])}

    def get_paginated_name(self, serializer_name: str) -> str:
        return f"{serializer_name}Page"

    def _get_filter_parameters(self) -> list[Json]:
        """Describe filters as they are validated: days as dates, no empty values, report types not enumerated."""
        parameters: list[Json] = super()._get_filter_parameters()
        for parameter in parameters:
            name, schema = parameter["name"], parameter["schema"]
            parameter["description"] = parameter["description"].strip()
            if name.startswith("requested_"):
                parameter["schema"] = {"type": "string", "format": "date"}
            elif name == "report_type":
                schema["items"] = {"type": "string", "minLength": 1}
            elif name == "state":
                schema["items"] = {"$ref": "#/components/schemas/State"}
            elif schema == {"type": "string"}:
                schema["minLength"] = 1
        return parameters

    def _problem_response(self, types: Sequence[ProblemType]) -> ResolvedComponent:
        for name, schema in problem_responses.SCHEMAS.items():
            self._register(ResolvedComponent.SCHEMA, name, schema)
        response = problem_responses.response(types)
        names = (*problem_responses.headers_of(types), *headers.OF_ALL)
        response["headers"] = {name: self._header(name).ref for name in names}
        return self._register(ResolvedComponent.RESPONSE, problem_responses.name_of(types), response)

    def _header(self, name: str) -> ResolvedComponent:
        return self._register(ResolvedComponent.HEADER, name, headers.DESCRIBED[name])

    def _register(self, kind: str, name: str, schema: Mapping[str, Any]) -> ResolvedComponent:
        component = ResolvedComponent(name=name, type=kind, schema=dict(schema), object=ComponentIdentity(name))
        self.registry.register_on_missing(component)
        return component


def _together(properties: Json) -> dict[str, list[str]]:
    """Return `dependentRequired` for the two days of a range: both or neither."""
    days = [name for name in ("date_from", "date_through") if name in properties]
    return {name: [other for other in days if other != name] for name in days}


class _TokenScheme(OpenApiAuthenticationExtension):
    """The API token that an administrator creates on a screen."""

    target_class = "reports.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> Json:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token, created in Tallydesk under *API tokens*. It starts with `tally_`.",
        }


class _SessionScheme(OpenApiAuthenticationExtension):
    """The session of a signed-in browser."""

    target_class = "rest_framework.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> Json:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The session of a signed-in browser. Requests that write also need the `X-CSRFToken` "
            "header.",
        }
