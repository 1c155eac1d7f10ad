"""The file of the rows in error: what stands in it, and that it can be mended and uploaded again."""

import pytest

from billing.models import Account
from tests.usage.files import counts, upload
from usage.verdicts import FileRefusedError

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("heading", ["reason", " Reason", "REASON_"])
def test_a_column_of_reasons_is_read_over(heading: str) -> None:
    text = f'code,{heading},name\nACME,"Row 2: name: The cell is empty; it needs a value.",Acme\nBETA,,Beta\n'
    assert upload(kind="accounts", text=text).counts == counts(2, new=2)
    assert upload(kind="accounts", text=f"{text}GAMMA\n").reasons == [(4, "", "The row has 1 cell, the header 3.")]
    assert dict(Account.objects.values_list("code", "name")) == {"ACME": "Acme", "BETA": "Beta"}
    with pytest.raises(FileRefusedError, match="reason: The file has this column twice"):
        upload(kind="accounts", text="code,name,reason,Reason\nA,b,c,d\n")
