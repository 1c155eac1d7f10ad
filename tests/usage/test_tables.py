"""Tables written as files that uploads accept."""

from billing.models import Account
from tests.usage_files import counts, upload
from usage.resources.tables import CellKind, Heading, write_xlsx


def test_a_text_like_markup_is_a_text_of_a_workbook(db: None) -> None:
    name = "<r><t>Ana</b></r>"
    headings = [Heading("code", CellKind.TEXT), Heading("name", CellKind.TEXT)]
    data = write_xlsx(headings, [("ACME", name)])
    assert upload(kind="accounts", text=data).counts == counts(1, new=1)
    assert Account.objects.get().name == name
