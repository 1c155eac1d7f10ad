"""Settings of the REST API: Django REST framework, and the OpenAPI document generated from it."""

from typing import Any

REST_FRAMEWORK: dict[str, Any] = {
    # The first class provides the WWW-Authenticate header of a 401.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "reports.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "EXCEPTION_HANDLER": "reports.api.exceptions.exception_handler",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["reports.api.parsers.ObjectParser"],
    "DEFAULT_SCHEMA_CLASS": "reports.api.openapi.inspection.ApiSchema",
    # Only the Accept header selects a format; no query parameter overrides it.
    "URL_FORMAT_OVERRIDE": None,
    # OPTIONS describes nothing: the OpenAPI document does.
    "DEFAULT_METADATA_CLASS": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

DESCRIPTION = """\
Request usage reports, wait until they are ready, download them and verify them.

**Getting started.** Begin at `/api/v1/` and follow the links in the responses; clients never need to build URLs.
Requesting a report immediately returns a job. Poll the job with `?wait=20` until its `state` is `succeeded`, then
download `result.file` and compare its SHA-256 with `result.sha256`. Instead of polling, an account can also receive
webhooks.

**Authentication.** Send `Authorization: Bearer tally_…` with an API token created in Tallydesk, or use the session of a
signed-in browser. Objects of accounts that you cannot see return 404, exactly as objects that do not exist.

**Errors.** Errors are RFC 9457 problem documents; `type` is stable. `errors` names each invalid field, query
parameter or header. Unknown fields and unknown query parameters are errors as well.

**Dates.** All days and times are in UTC. Date ranges are inclusive.
"""

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Tallydesk",
    "VERSION": "1",
    "DESCRIPTION": DESCRIPTION,
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": "/", "description": "This site"}],
    "TAGS": [
        {
            "name": "discovery",
            "description": "The entry point, and which reports are available for which subscriptions.",
        },
        {"name": "report jobs", "description": "Requesting reports, following their jobs and downloading their files."},
        {"name": "webhooks", "description": "Messages that Tallydesk sends to an account's webhook endpoints."},
    ],
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_SUFFIX": "",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "reports.api.openapi.finishing.finish",
    ],
}
