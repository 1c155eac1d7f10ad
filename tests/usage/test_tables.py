"""Tables written as files that uploads accept."""

import time_machine

from billing.models import Account
from tests.usage_files import counts, upload
from usage.resources.tables import CellKind, Heading, write_xlsx


def test_equal_rows_give_equal_workbooks_on_any_day() -> None:
    headings = [Heading("name", CellKind.TEXT)]
    with time_machine.travel("2026-03-01T09:00Z", tick=False):
        first = write_xlsx(headings, [["one"]])
    with time_machine.travel("2027-04-02T10:11Z", tick=False):
        assert write_xlsx(headings, [["one"]]) == first


def test_a_text_like_markup_is_a_text_of_a_workbook(db: None) -> None:
    name = "<r><t>Ana</b></r>"
    headings = [Heading("code", CellKind.TEXT), Heading("name", CellKind.TEXT)]
    data = write_xlsx(headings, [("ACME", name)])
    assert upload(kind="accounts", text=data).counts == counts(1, new=1)
    assert Account.objects.get().name == name
