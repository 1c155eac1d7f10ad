"""Secrets and personal data that log lines leave out."""

import logging

import pytest
from django.test import Client
from structlog.stdlib import ProcessorFormatter

from billing.models.api_tokens import PREFIX
from billing.password_links import set_password_url
from config.monitoring.logs import logging_settings, without_secrets
from tests.factories import make_administrator

pytestmark = pytest.mark.django_db


def formatter_of(*, as_json: bool) -> ProcessorFormatter:
    written = logging_settings(as_json=as_json, level="INFO")["formatters"]["line"]
    return ProcessorFormatter(processors=written["processors"], foreign_pre_chain=written["foreign_pre_chain"])


@pytest.mark.parametrize("as_json", [True, False])
def test_no_line_holds_a_link_that_sets_a_password_or_steers_a_terminal(
    as_json: bool, caplog: pytest.LogCaptureFixture
) -> None:
    formatter = formatter_of(as_json=as_json)
    path = "/admin/set-password/" + set_password_url(make_administrator()).partition("/admin/set-password/")[2]
    token = path.split("/")[-2]
    with caplog.at_level(logging.INFO):
        Client(headers={"user-agent": "x\x1b[2J"}).get(path)
        logging.getLogger("django.request").warning("Not Found: %s", path)
    lines = "\n".join(map(formatter.format, caplog.records))
    assert "request_started" in lines
    assert "Not Found" in lines
    assert token not in lines
    assert "\x1b" not in lines


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "a token {}",
        "GET /api/v1/?token={}",
        "Authorization: Bearer {}",
        "{{'authorization': 'Basic {}'}}",
        "HTTP_AUTHORIZATION='{}'",
        "bearer {}",
    ],
)
def test_no_line_holds_what_a_program_authenticates_with(
    as_json: bool, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    secret = PREFIX + "Zm9yIHRlc3RzIGFsb25lLCBhbmQgbm93aGVyZSBlbHN-"[:43]
    line = text.format(secret)
    with caplog.at_level(logging.INFO):
        Client(headers={"user-agent": line, "authorization": f"Bearer {secret}"}).get("/admin/login/")
        logging.getLogger("some").warning(line)
        try:
            raise ValueError(line)
        except ValueError:
            logging.getLogger("some").exception("It failed")
    lines = "\n".join(map(formatter_of(as_json=as_json).format, caplog.records))
    assert "request_started" in lines
    assert "ValueError" in lines
    assert "..." in lines
    assert secret[6:] not in lines


def test_words_that_only_look_like_secrets_stay() -> None:
    text = "basic functions of the bearer, tally_up, the authorization: fine"
    assert without_secrets(None, "", {"event": text}) == {"event": text}
