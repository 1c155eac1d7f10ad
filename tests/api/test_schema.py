"""The OpenAPI document: complete, valid, current, and the same for every client."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from jsonschema import Draft202012Validator

from reports import formats, types
from reports.api.exceptions import ProblemType
from reports.api.openapi.operations import OPERATIONS
from tests.addresses import to

FILE = Path(settings.BASE_DIR) / "docs" / "openapi.yaml"
METHODS = ("get", "head", "post", "put", "patch", "delete")
Json = dict[str, Any]


@pytest.fixture(scope="module")
def schema() -> Json:
    document: Json = yaml.safe_load(FILE.read_text())
    return document


def operations(schema: Json) -> Iterator[tuple[str, Json]]:
    for path, item in schema["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def target(schema: Json, node: Json) -> Json:
    """Return the target of a reference; return anything else unchanged."""
    if "$ref" not in node:
        return node
    found: Any = schema
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def test_the_committed_schema_is_current_valid_and_made_without_a_warning(tmp_path: Path) -> None:
    made = tmp_path / "openapi.yaml"
    call_command("spectacular", file=str(made), validate=True, fail_on_warn=True)
    assert made.read_text() == FILE.read_text(), "the API has changed: make schema"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, "application/yaml"),
        ("text/html,*/*;q=0.8", "application/yaml"),
        ("application/vnd.oai.openapi", "application/vnd.oai.openapi"),
        ("application/json", "application/json"),
        ("application/vnd.oai.openapi+json", "application/vnd.oai.openapi+json"),
    ],
)
def test_anybody_gets_the_schema_in_the_format_they_prefer(accept: str | None, content_type: str) -> None:
    response = Client().get(to("schema"), headers={"Accept": accept} if accept else None)
    assert (response.status_code, response.headers["Content-Type"]) == (200, content_type)
    assert response.headers["Vary"] == "Accept"
    read = json.loads if content_type.endswith("json") else yaml.safe_load
    assert read(response.content) == yaml.safe_load(FILE.read_text())


def test_another_format_or_method_is_a_problem() -> None:
    refused = Client().get(to("schema"), headers={"Accept": "image/png"})
    assert (refused.status_code, refused.headers["Content-Type"]) == (406, "application/problem+json")
    for name in ("schema", "docs"):
        refused = Client().post(to(name))
        assert (refused.status_code, refused.headers["Content-Type"]) == (405, "application/problem+json")
        assert "GET" in refused.headers["Allow"]
        assert Client().head(to(name)).status_code == 200


def test_every_description_is_of_an_operation(schema: Json) -> None:
    described = {f"{method} {path}" for method, path in OPERATIONS}
    assert described == {name for name, operation in operations(schema) if not name.startswith("HEAD")}
    ids = [operation["operationId"] for _name, operation in operations(schema)]
    assert len(ids) == len(set(ids))


def test_every_operation_says_what_may_go_wrong_and_how_to_authenticate(schema: Json) -> None:
    for name, operation in operations(schema):
        assert {"400", "401", "403", "429", "500"} <= operation["responses"].keys(), name
        assert ("404" in operation["responses"]) == ("{" in name), name
        assert operation["security"] == [{"token": []}, {"session": []}], name
        assert operation["summary"]
        assert operation["description"]


def test_every_problem_is_described_with_an_example(schema: Json) -> None:
    shown = set()
    for response in schema["components"]["responses"].values():
        for example in response["content"]["application/problem+json"]["examples"].values():
            shown.add(example["value"]["type"])
            assert f"`{example['value']['type']}`" in response["description"]
    # An unsupported method is not an operation, so no operation can respond with it.
    assert shown == {problem.uri for problem in ProblemType} - {ProblemType.METHOD_NOT_ALLOWED.uri}


def contents(schema: Json) -> Iterator[tuple[str, Json]]:
    """Yield every JSON body with its schema and examples."""
    for name, operation in operations(schema):
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{name} {media_type}", content
        for status, response in operation["responses"].items():
            for media_type, content in target(schema, response).get("content", {}).items():
                if media_type.endswith("json"):
                    yield f"{name} {status} {media_type}", content


def test_every_body_has_an_example_that_conforms(schema: Json) -> None:
    for name, content in contents(schema):
        validator = Draft202012Validator(
            {**content["schema"], "components": schema["components"]},
            format_checker=Draft202012Validator.FORMAT_CHECKER,
        )
        assert content["examples"], name
        for example in content["examples"].values():
            assert [error.message for error in validator.iter_errors(example["value"])] == [], name


def test_every_header_has_an_example_that_conforms(schema: Json) -> None:
    for name, header in schema["components"]["headers"].items():
        assert Draft202012Validator(header["schema"]).is_valid(header["example"]), name


def test_a_link_leads_to_an_operation_by_parameters_that_it_has(schema: Json) -> None:
    by_id = {operation["operationId"]: operation for _name, operation in operations(schema)}
    for _name, operation in operations(schema):
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                known = {f"{given['in']}.{given['name']}" for given in by_id[link["operationId"]]["parameters"]}
                assert link["parameters"].keys() <= known


def test_files_are_text_as_csv_and_json_lines_and_bytes_in_every_other_format(schema: Json) -> None:
    for status in ("200", "206"):
        responses = schema["paths"]["/api/v1/report-jobs/{id}/file/"]["get"]["responses"]
        content = responses[status]["content"]
        for known in formats.all_formats():
            described = content[known.content_type.partition(";")[0]]["schema"]
            is_text = known.slug in ("csv", "jsonl")
            assert described == {"type": "string", **({} if is_text else {"format": "binary"})}, known.slug
        assert content["*/*"]["schema"] == {"type": "string", "format": "binary"}


def test_report_types_and_formats_are_not_enumerated(schema: Json) -> None:
    slugs = {known.slug for known in types.all_types()} | {known.slug for known in formats.all_formats()}

    def enumerated(node: Any) -> Iterator[Any]:
        if isinstance(node, dict):
            yield from node.get("enum", [])
        for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
            yield from enumerated(inner)

    assert not slugs & {value for value in enumerated(schema["paths"]) if isinstance(value, str)}
    assert not slugs & {value for value in enumerated(schema["components"]["schemas"]) if isinstance(value, str)}
