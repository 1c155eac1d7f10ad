"""What the lines of the logs leave out."""

import logging

import pytest
from django.test import Client
from structlog.stdlib import ProcessorFormatter

from billing.password_links import set_password_url
from config.logs import logging_settings
from tests.factories import make_administrator

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("as_json", [True, False])
def test_no_line_holds_a_link_that_sets_a_password_or_steers_a_terminal(
    as_json: bool, caplog: pytest.LogCaptureFixture
) -> None:
    written = logging_settings(as_json=as_json, level="INFO")["formatters"]["line"]
    formatter = ProcessorFormatter(processors=written["processors"], foreign_pre_chain=written["foreign_pre_chain"])
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
