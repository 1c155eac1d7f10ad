"""What all operations have in common is derived here, so that no view repeats it.

What is an operation's own (its name, answers and examples) stands in `operations.py`.
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
from reports.api.openapi.operations import Answer, Operation, operation_of

Json = dict[str, Any]

# What may come of any operation: the request is wrong, nobody asks, they may not, they ask too often, we fail.
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
    """Takes an operation's own from `operations.py`; adds the problems and the headers that follow from its kind."""

    @property
    def operation(self) -> Operation:
        """What is the operation's own."""
        return operation_of(self.method, self.path)

    def get_operation_id(self) -> str:
        """What clients call the function."""
        return self.operation.id

    def get_summary(self) -> str:
        """A line."""
        return self.operation.summary

    def get_description(self) -> str:  # type: ignore[override]  # drf-spectacular's, without DRF's arguments
        """Some sentences."""
        return self.operation.description

    def get_tags(self) -> list[str]:
        """The part of the API."""
        return [self.operation.tag]

    def get_request_serializer(self) -> Any:
        """What the body is, if there is one."""
        return self.operation.request

    def get_override_parameters(self) -> Any:
        """Those that neither the address nor the filters say."""
        return self.operation.parameters

    def get_examples(self) -> list[OpenApiExample]:
        """Those of the request; an answer has its own."""
        named = self.operation.request_examples.items()
        return [OpenApiExample(name, value=value, request_only=True) for name, value in named]

    def get_response_serializers(self) -> Any:
        """The answers, without the problems."""
        declared = self.operation.answers
        return {code: answer for code, answer in declared.items() if isinstance(answer, Answer)}

    def _get_response_bodies(self, direction: Any = "response") -> Json:
        answers = {
            str(code): self._answer(answer, str(code)) for code, answer in self.get_response_serializers().items()
        }
        for status, types in self._problems().items():
            answers[str(status)] = self._problem_response(types).ref
        return dict(sorted(answers.items()))

    def _answer(self, answer: Answer, code: str) -> Json:
        described: Json = self._get_response_for_code(answer, code)
        if answer.content is not None:
            described["content"] = dict(answer.content)
        elif answer.shown:
            described["content"]["application/json"]["examples"] = answer.shown
        names = (*answer.headers, *headers.OF_ALL)
        described["headers"] = {name: self._header(name).ref for name in names}
        if answer.links:
            described["links"] = dict(answer.links)
        return described

    def _problems(self) -> dict[int, list[ProblemType]]:
        """The problems that may come, by their status."""
        own = [answer for answer in self.operation.answers.values() if isinstance(answer, ProblemType)]
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
        """An answer has all of its members; a body has no others than those that it may have."""
        schema: Json = super()._map_basic_serializer(serializer, direction)
        # The rest of what is written on a serializer is for who works on it.
        schema["description"] = schema["description"].partition("\n\n")[0]
        if isinstance(serializer, InputSerializer):
            return {**schema, "additionalProperties": False, "dependentRequired": _together(schema["properties"])}
        for member in schema["properties"].values():
            member.pop("readOnly", None)
        return {**schema, "required": list(schema["properties"])}

    def get_paginated_name(self, serializer_name: str) -> str:
        """The name of the schema of a page."""
        return f"{serializer_name}Page"

    def _get_filter_parameters(self) -> list[Json]:
        """As they are read: days as such, report types without naming all that there are, and nothing empty."""
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
    """The two days of a range: both or neither."""
    days = [name for name in ("date_from", "date_through") if name in properties]
    return {name: [other for other in days if other != name] for name in days}


class _TokenScheme(OpenApiAuthenticationExtension):
    """The token that an administrator makes on a screen."""

    target_class = "reports.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> Json:
        """As OpenAPI has it."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token made under API tokens in Tallydesk. It begins with `tally_`.",
        }


class _SessionScheme(OpenApiAuthenticationExtension):
    """The session of a browser that is signed in."""

    target_class = "rest_framework.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> Json:
        """As OpenAPI has it."""
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The session of whoever is signed in. What writes needs the header `X-CSRFToken` too.",
        }
