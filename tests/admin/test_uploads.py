"""Uploading through the admin: what is asked, who may, what one sees afterwards."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from jobs.states import State
from tests.admin.world import client_of, make_role, make_upload
from tests.factories import make_account, make_administrator
from usage.models import Upload, UploadStatus

pytestmark = pytest.mark.django_db

ADD = "/admin/usage/upload/add/"


@pytest.fixture(autouse=True)
def _files(settings: Any, tmp_path: Path) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path, "base_url": None},
        },
    }


def csv_file(content: bytes = b"email\nana@acme.example\n", name: str = "users.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, "text/csv")


def test_an_operator_uploads_a_file_and_comes_to_its_page() -> None:
    account = make_account()
    client = client_of(make_role("operator"))
    response = client.post(ADD, {"kind": "users", "account": account.pk, "file": csv_file()})
    upload = Upload.objects.get()
    assert response["Location"] == reverse("admin:usage_upload_change", args=[upload.pk])
    assert (upload.kind, upload.account, upload.status) == ("users", account, UploadStatus.WAITING)
    page = client.get(response["Location"]).content.decode()
    assert '<meta http-equiv="refresh" content="2">' in page
    assert "Waiting to be checked" in page


def test_the_form_begins_with_the_account_of_the_subscription_screen() -> None:
    account = make_account(name="Acme")
    make_account(name="Globex")
    page = client_of(make_role("operator")).get(f"{ADD}?account={account.pk}").content.decode()
    assert f'<option value="{account.pk}" selected>Acme</option>' in page
    assert page.count(" selected") == 1


def test_the_next_file_is_of_the_same_kind_and_account_and_offered_to_who_may_upload() -> None:
    upload = finished()
    page = reverse("admin:usage_upload_change", args=[upload.pk])
    again = f"{ADD}?kind={upload.kind}&amp;account={upload.account_id}"
    operator = client_of(make_role("operator"))
    assert again in operator.get(page).content.decode()
    form = operator.get(again.replace("&amp;", "&")).content.decode()
    assert f'<option value="{upload.kind}" selected>' in form
    assert f'<option value="{upload.account_id}" selected>' in form
    assert ADD not in client_of(make_role("support")).get(page).content.decode()


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"kind": "users"}, "This field is required."),
        ({"kind": "users", "file": ("empty.csv", b"")}, "The submitted file is empty."),
        ({"kind": "users", "file": ("users.xlsx", b"PK\x03\x04 and more")}, "its end is missing"),
        (
            {"kind": "users", "file": ("users.xls", b"\xd0\xcf\x11\xe0 and more")},
            "neither a CSV file nor an XLSX workbook",
        ),
        ({"kind": "nonsense", "file": ("users.csv", b"email\n")}, "nonsense is not one of the available choices."),
        ({"kind": "charges", "account": True, "file": ("charges.csv", b"name,basis\n")}, "leave it empty"),
    ],
)
def test_what_cannot_be_taken_is_answered_beside_its_field(answers: Any, sentence: str) -> None:
    if "file" in answers:
        answers = {**answers, "file": csv_file(answers["file"][1], answers["file"][0])}
    if "account" in answers:
        answers = {**answers, "account": make_account().pk}
    response = client_of(make_role("operator")).post(ADD, answers)
    assert response.status_code == 200
    assert sentence in response.content.decode()
    assert not Upload.objects.exists()


def test_a_customer_uploads_kinds_of_an_account_into_their_accounts_alone() -> None:
    own, other = make_account(), make_account()
    client = client_of(make_role("customer who uploads", own))
    form = client.get(ADD).context["form"]
    assert [kind for kind, _label in form.fields["kind"].choices] == [
        "users",
        "devices",
        "sessions",
        "resource_usage",
        "calls",
    ]
    assert list(form.fields["account"].queryset) == [own]
    for answers in (
        {"kind": "users", "account": other.pk},
        {"kind": "users"},
        {"kind": "accounts", "account": own.pk},
        {"kind": "rates"},
    ):
        assert client.post(ADD, {**answers, "file": csv_file()}).status_code == 200, answers
    assert not Upload.objects.exists()
    assert client.post(ADD, {"kind": "users", "account": own.pk, "file": csv_file()}).status_code == 302


def finished(**fields: Any) -> Upload:
    upload = make_upload(
        account=fields.pop("account", None) or make_account(),
        by=make_administrator(),
        state=State.SUCCEEDED,
        rows=3,
        rows_new=1,
        rows_changed=0,
        rows_unchanged=0,
        rows_in_error=2,
        preview={
            "changes": [],
            "errors": [
                {"line": 2, "column": "start_time", "value": "<b>now</b>", "reason": "This is no instant."},
                {"line": 3, "column": "end_time", "value": "", "reason": "Empty."},
            ],
            "new_users": 0,
        },
        **fields,
    )
    errors = b"line,column,value,reason\n2,start_time,<b>now</b>,This is no instant.\n3,end_time,,Empty.\n"
    upload.errors_file.save(f"uploads/{upload.pk}.1.errors.csv", ContentFile(errors))
    rows = b"sip_call_id,start_time,reason\n1@sip,<b>now</b>,Row 2: start_time: This is no instant.\n"
    upload.rows_in_error_file.save(f"uploads/{upload.pk}.1.rows.csv", ContentFile(rows))
    return upload


def test_the_page_of_a_checked_upload_shows_the_first_errors() -> None:
    upload = finished()
    page = client_of(make_role("support")).get(reverse("admin:usage_upload_change", args=[upload.pk])).content.decode()
    assert "This is no instant." in page
    assert "&lt;b&gt;now&lt;/b&gt;" in page
    assert "http-equiv" not in page
    assert reverse("admin:usage_upload_errors", args=[upload.pk]) in page


def test_all_errors_are_downloaded_as_a_private_file() -> None:
    upload = finished()
    response: Any = client_of(make_role("support")).get(reverse("admin:usage_upload_errors", args=[upload.pk]))
    assert b"".join(response.streaming_content).startswith(b"line,column,value,reason\n")
    assert response["Content-Disposition"] == 'attachment; filename="calls.errors.csv"'
    assert response["Cache-Control"] == "private, no-store"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_the_errors_of_another_account_are_missing_and_ones_own_without_the_permission_are_refused() -> None:
    own, other = make_account(), make_account()
    mine, others = finished(account=own), finished(account=other)
    uploader, viewer = (make_role(role, own) for role in ("customer who uploads", "customer who views"))
    for name in ("admin:usage_upload_errors", "admin:usage_upload_change"):
        assert client_of(uploader).get(reverse(name, args=[mine.pk])).status_code == 200
        assert client_of(uploader).get(reverse(name, args=[others.pk])).status_code == 404
        assert client_of(viewer).get(reverse(name, args=[mine.pk])).status_code == 403
        assert client_of(viewer).get(reverse(name, args=[others.pk])).status_code == 404
    found = client_of(uploader).get(reverse("admin:usage_upload_changelist")).context["cl"].result_list
    assert list(found) == [mine]


def test_nothing_on_the_pages_of_uploads_needs_inline_script_or_style() -> None:
    client = client_of(make_role("operator"))
    upload = finished()
    for address in (ADD, reverse("admin:usage_upload_change", args=[upload.pk])):
        page = client.get(address).content.decode()
        assert "style=" not in page
        assert "<style" not in page
        assert " onclick=" not in page
