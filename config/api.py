"""Settings of the REST API: Django REST framework, and the schema that is made from it."""

from typing import Any

REST_FRAMEWORK: dict[str, Any] = {
    # The first class tells clients in a 401 how to authenticate.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "reports.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "EXCEPTION_HANDLER": "reports.api.exceptions.handle",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["reports.api.parsers.ObjectParser"],
    "DEFAULT_SCHEMA_CLASS": "reports.api.openapi.inspection.ApiSchema",
    # Only the header Accept chooses a format, and only the method says what a request does: never the query.
    "URL_FORMAT_OVERRIDE": None,
    # The schema describes each address, so OPTIONS need not.
    "DEFAULT_METADATA_CLASS": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

DESCRIPTION = """\
Request usage reports, wait for them, verify and fetch them, without a person.

Begin at `/api/v1/` and follow the links: every answer names the addresses that come next, and a program builds none.
A request for a report is answered at once with a job. Ask for the job with `?wait=20` until its `state` is
`succeeded`, then fetch `result.file` and compare its SHA-256 with `result.sha256`.

Authenticate with `Authorization: Bearer tally_…`, a token that an administrator makes in Tallydesk, or with the session
of a browser that is signed in. What another account has is not found, like what there is not.

Whatever is not done is answered as a problem (RFC 9457): `type` says which and never changes, `errors` names each
field. Unknown fields and query parameters are problems too. Days are UTC, and a range includes both of its days.
"""

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Tallydesk",
    "VERSION": "1",
    "DESCRIPTION": DESCRIPTION,
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": "/", "description": "This site"}],
    "TAGS": [
        {"name": "discovery", "description": "Where to begin, and what there is to ask for."},
        {"name": "report jobs", "description": "Requests for reports, and the files that come of them."},
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
