"""Uploads in the admin: the form, the permissions, and the page of an upload."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape, strip_tags

from billing.models import Account
from jobs.states import State
from tests.admin.objects import make_upload
from tests.factories import instant, make_account, make_administrator, make_call, make_session, make_subscription
from tests.people import client_of, make_role, permissions
from tests.uploads import applied, receive_users, taken
from usage.models import Entity, Step, Upload, UploadKind, UploadStatus, UploadStep
from usage.resources.examples import columns_of, example_file

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("files_root")]

ADD = "/admin/usage/upload/add/"


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


def test_the_page_shows_notices_by_reason_and_offers_to_apply_with_them() -> None:
    upload = finished()
    notice = {"column": "end_time", "value": "2026-02-04T09:00:00Z", "reason": "The call is longer than 24 hours."}
    upload.preview = {
        **upload.preview,
        "notices": [{"line": 0, "column": "", "value": "", "reason": "A row is hidden."}, {"line": 7, **notice}],
        "notice_groups": [{"count": 11, "column": "end_time", "reason": notice["reason"], "line": 7}],
        "effects": [{"label": "Calls on the days of the file", "before": "100", "after": "112"}],
    }
    upload.notices = 12
    upload.notices_file.save(f"uploads/{upload.pk}.1.notices.csv", ContentFile(b"line,column,value,reason\n"))
    answer = client_of(make_role("operator")).get(page_of(upload))
    page = " ".join(strip_tags(answer.content.decode()).split())
    assert "Apply 1 row, skip 2 with errors, with 12 notices" in page
    assert "The first 2 of 12 notices" in page
    assert "11 \N{MULTIPLICATION SIGN} end_time: The call is longer than 24 hours. First in row 7" in page
    assert "File A row is hidden." in page
    assert "Calls on the days of the file 100 → 112" in page
    response: Any = client_of(make_role("support")).get(reverse("admin:usage_upload_notices", args=[upload.pk]))
    assert b"".join(response.streaming_content) == b"line,column,value,reason\n"
    assert response["Content-Disposition"] == 'attachment; filename="calls.notices.csv"'


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


def page_of(upload: Upload) -> str:
    return reverse("admin:usage_upload_change", args=[upload.pk])


def shown(upload: Upload, role: str = "operator") -> str:
    return client_of(make_role(role)).get(page_of(upload)).content.decode()


def test_a_script_gets_the_address_of_the_upload_or_the_errors() -> None:
    client = client_of(make_role("operator"))
    refused = client.post(ADD, {"kind": "users"}, headers={"Accept": "application/json"})
    assert (refused.status_code, refused.json()["errors"]) == (422, {"file": ["This field is required."]})
    answers = {"kind": "users", "account": make_account().pk, "file": csv_file()}
    taken = client.post(ADD, answers, headers={"Accept": "application/json"})
    assert (taken.status_code, taken.json()) == (201, {"address": page_of(Upload.objects.get())})


def test_the_form_begins_with_the_kind_that_one_uploaded_last() -> None:
    operator, account = make_role("operator"), make_account()
    upload = finished(account=account)
    Upload.objects.filter(pk=upload.pk).update(uploaded_by=operator, kind="sessions")
    assert '<option value="sessions" selected>' in client_of(operator).get(ADD).content.decode()
    assert '<option value="sessions" selected>' not in client_of(make_role("operator")).get(ADD).content.decode()


@pytest.mark.parametrize(
    ("address", "name", "content"),
    [
        ("admin:usage_upload_file", "calls.csv", b"sip_call_id\n"),
        ("admin:usage_upload_rows_in_error", "calls.rows-in-error.csv", b"sip_call_id,start_time,reason\n"),
    ],
)
def test_the_file_and_its_rows_in_error_are_private_downloads_as_long_as_they_are_kept(
    address: str, name: str, content: bytes
) -> None:
    upload = finished()
    client = client_of(make_role("support"))
    response: Any = client.get(reverse(address, args=[upload.pk]))
    assert b"".join(response.streaming_content).startswith(content)
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'
    assert (response["Cache-Control"], response["X-Content-Type-Options"]) == ("private, no-store", "nosniff")
    Upload.objects.filter(pk=upload.pk).update(file="", rows_in_error_file="")
    assert client.get(reverse(address, args=[upload.pk])).status_code == 404
    assert "this one is gone" in shown(upload)


def decisions(page: str) -> list[str]:
    return re.findall(r'<button name="decision" value="(\w+)"', page)


@pytest.mark.parametrize(
    ("step", "state", "fields", "expected"),
    [
        (Step.CHECK, State.QUEUED, {}, ["discard"]),
        (Step.CHECK, State.SUCCEEDED, {"rows_new": 1}, ["apply", "check_again", "discard"]),
        (
            Step.CHECK,
            State.SUCCEEDED,
            {"rows_new": 1, "rows_in_error": 2},
            ["apply_without_errors", "check_again", "discard"],
        ),
        (Step.CHECK, State.SUCCEEDED, {"rows_in_error": 3}, ["check_again", "discard"]),
        (Step.CHECK, State.SUCCEEDED, {"refusal": "This is a picture."}, ["check_again", "discard"]),
        (Step.CHECK, State.FAILED, {}, ["check_again", "discard"]),
        (Step.APPLY, State.QUEUED, {"rows_new": 1}, ["stop"]),
        (Step.APPLY, State.FAILED, {"rows_new": 1}, ["apply", "check_again", "discard"]),
        (Step.APPLY, State.SUCCEEDED, {"rows_new": 1}, []),
    ],
)
def test_each_status_offers_its_decisions_to_who_may_decide(
    step: Step, state: State, fields: dict[str, Any], expected: list[str]
) -> None:
    upload = make_upload(account=make_account(), by=make_administrator(), step=step, state=state, rows=3, **fields)
    assert decisions(shown(upload)) == expected
    assert decisions(shown(upload, "support")) == []


def test_a_decision_that_somebody_made_meanwhile_is_answered_with_a_sentence() -> None:
    upload = finished()
    client = client_of(make_role("operator"))
    client.post(page_of(upload), {"decision": "discard"})
    response = client.post(page_of(upload), {"decision": "apply_without_errors"}, follow=True)
    assert response.status_code == 200
    assert "This cannot be done: the upload is discarded." in response.content.decode()
    assert client.post(page_of(upload), {"decision": "nonsense"}).status_code == 403


def test_a_decision_takes_the_permission_and_an_upload_of_one_s_own() -> None:
    own, other = make_account(), make_account()
    mine, others = finished(account=own), finished(account=other)
    assert client_of(make_role("support")).post(page_of(mine), {"decision": "discard"}).status_code == 403
    uploader = client_of(make_role("customer who uploads", own))
    assert uploader.post(page_of(others), {"decision": "discard"}).status_code == 404
    assert uploader.post(page_of(mine), {"decision": "discard"}).status_code == 302
    assert [upload.discarded_at is not None for upload in Upload.objects.filter(pk__in=[mine.pk, others.pk])].count(
        True
    ) == 1


def test_the_preview_shows_what_changes_cell_by_cell() -> None:
    upload = finished()
    cells = [
        {"column": "destination", "before": "+1", "after": "+2"},
        {"column": "origin", "before": "", "after": "<3>"},
    ]
    upload.preview["changes"] = [{"line": 7, "key": "1@sip", "cells": cells}]
    upload.preview["new_users"] = 1200
    upload.save()
    page = shown(upload)
    for text in ("<del>+1</del>", "<ins>+2</ins>", "<ins>&lt;3&gt;</ins>", "1@sip", 'rowspan="2"', "1,200 users"):
        assert text in page, text


def test_the_very_same_file_says_where_it_was_applied_to_who_may_see_that() -> None:
    account = make_account()
    before = make_upload(
        account=account, by=make_administrator(name="Bo"), step=Step.APPLY, state=State.SUCCEEDED, sha256="ab",
        applied_at=timezone.now(),
    )  # fmt: skip
    upload = finished(account=account, sha256="ab")
    page = shown(upload)
    assert "The very same file was applied" in page
    assert page_of(before) in page


def progress_of(upload: Upload, **query: str) -> dict[str, Any]:
    address = reverse("admin:usage_upload_progress", args=[upload.pk])
    answer: dict[str, Any] = client_of(make_role("support")).get(address, query).json()
    return answer


def at_work(upload: Upload, **fields: Any) -> None:
    lease = timezone.now() + timedelta(seconds=60)
    UploadStep.objects.filter(upload=upload).update(state=State.RUNNING, lease_until=lease, **fields)


def test_progress_is_of_bytes_and_then_of_rows() -> None:
    upload = make_upload(account=make_account(), by=make_administrator())
    assert progress_of(upload)["progress"]["text"] == "Starting…"
    at_work(upload)
    assert progress_of(upload)["progress"]["text"] == "Opening the file…"
    at_work(upload, phase="reading", rows_done=12_000_000, rows_expected=80_000_000)
    answer = progress_of(upload)
    assert answer["progress"]["text"] == "Reading the file: 12 MB of 80 MB"
    assert (answer["progress"]["done"], answer["progress"]["expected"]) == (12_000_000, 80_000_000)
    at_work(upload, phase="checking", rows_done=61_200, rows_expected=100_412)
    assert progress_of(upload)["progress"]["text"] == "Checking: 61,200 of 100,412 rows"
    at_work(upload, phase="checking", rows_done=100_412)
    assert progress_of(upload)["progress"]["text"] == "Comparing 100,412 rows with the data…"


def test_the_page_comes_anew_only_when_more_than_the_progress_has_changed() -> None:
    upload = make_upload(account=make_account(), by=make_administrator())
    first = progress_of(upload)
    assert "Discard" not in first["html"]  # support may not decide
    assert "Waiting to be checked" in first["html"]
    assert "html" not in progress_of(upload, stage=first["stage"])
    at_work(upload)
    assert "Being checked" in progress_of(upload, stage=first["stage"])["html"]
    UploadStep.objects.update(state=State.SUCCEEDED, lease_until=None, finished_at=timezone.now())
    assert progress_of(upload)["progress"] is None


def test_an_upload_and_its_step_are_seen_as_they_are_at_one_moment() -> None:
    upload = make_upload(account=make_account(), by=make_administrator())
    with CaptureQueriesContext(connection) as captured:
        progress_of(upload)
    statements = [query["sql"] for query in captured.captured_queries]
    assert [sql for sql in statements if 'FROM "usage_upload" ' in sql and 'JOIN "usage_uploadstep"' in sql]
    assert [sql for sql in statements if 'WHERE "usage_uploadstep"."id" = ' in sql] == []


def test_what_waits_says_for_what() -> None:
    account = make_account()
    first = make_upload(account=account, by=make_administrator())
    second = make_upload(account=account, by=make_administrator())
    elsewhere = make_upload(account=make_account(), by=make_administrator())
    at_work(first)
    words = "Waiting for calls.csv, into the same account, which is being checked…"
    assert progress_of(second)["progress"]["text"] == words
    assert page_of(first) in progress_of(second)["html"]
    assert progress_of(elsewhere)["progress"]["text"] == "Starting…"
    long_ago = timezone.now() - timedelta(seconds=20)
    UploadStep.objects.filter(upload=elsewhere).update(requested_at=long_ago)
    assert progress_of(elsewhere)["progress"]["text"] == "Waiting for a worker…"


def test_a_customer_reads_of_the_kinds_that_they_may_upload() -> None:
    client = client_of(make_role("customer who uploads", make_account()))
    page = client.get("/admin/usage/upload/kinds/").content.decode()
    assert "/admin/usage/upload/kinds/calls/" in page
    assert "/admin/usage/upload/kinds/rates/" not in page
    assert client.get("/admin/usage/upload/kinds/calls/").status_code == 200
    for missing in ("rates/", "rates/example.csv", "nonsense/", "calls/example.pdf"):
        assert client.get(f"/admin/usage/upload/kinds/{missing}").status_code == 404, missing


@pytest.mark.parametrize("kind", UploadKind)
def test_the_page_of_a_kind_names_its_columns(kind: UploadKind) -> None:
    page = client_of(make_role("support")).get(f"/admin/usage/upload/kinds/{kind.value}/").content.decode()
    for column in columns_of(kind):
        assert f"<code>{column.name}</code>" in page, column.name
        assert f"<code>{escape(column.example)}</code>" in page, column.name


def test_the_example_for_one_account_names_none() -> None:
    client = client_of(make_role("operator"))
    for file_format in ("csv", "xlsx"):
        response = client.get(f"/admin/usage/upload/kinds/users/example.{file_format}?for=account")
        assert response["Content-Disposition"] == f'attachment; filename="users-example.{file_format}"'
        assert response.content == example_file(UploadKind.USERS, file_format, names_accounts=False)
    assert client.get("/admin/usage/upload/kinds/users/example.csv").content.startswith(b"account,email,")
    assert example_file(UploadKind.USERS, "csv", names_accounts=False).startswith(b"email,")


def test_a_row_tells_of_the_upload_that_wrote_it_last_to_who_may_see_that() -> None:
    account = make_account()
    upload = finished(account=account)
    start = instant("2026-03-01T09:00")
    call = make_call(account=account, started_at=start, upload_id=upload.pk)
    page = reverse("admin:usage_call_change", args=[call.pk])
    assert page_of(upload) in client_of(make_role("support")).get(page).content.decode()
    viewer = make_role("idle staff")
    viewer.user_permissions.set(permissions("usage.view_call"))
    told = client_of(viewer).get(page)
    assert told.status_code == 200
    assert page_of(upload) not in told.content.decode()
    by_hand = make_call(account=account, started_at=start)
    page = reverse("admin:usage_call_change", args=[by_hand.pk])
    assert "Last written by" not in client_of(make_role("support")).get(page).content.decode()


def test_a_contract_that_came_by_upload_can_still_be_edited() -> None:
    upload = finished()
    subscription = make_subscription(account=upload.account, upload_id=upload.pk)
    address = reverse("admin:billing_subscription_change", args=[subscription.pk])
    form = client_of(make_role("operator")).get(address)
    assert page_of(upload) in form.content.decode()
    assert "account" not in form.context["adminform"].form.fields


def applied_users(account: Account, text: str) -> Upload:
    """Return an applied upload of users."""
    return applied(receive_users(text, account=account))


def undo_of(upload: Upload) -> str:
    return reverse("admin:usage_upload_undo", args=[upload.pk])


def test_undoing_says_what_will_happen_and_happens() -> None:
    upload = applied_users(make_account(), "email\nana@acme.example\nbo@acme.example\n")
    assert undo_of(upload) in shown(upload)
    assert undo_of(upload) not in shown(upload, "support")
    client = client_of(make_role("operator"))
    page = client.get(undo_of(upload)).content.decode()
    assert "<strong>2</strong> users that came with the file will be removed." in page
    assert client.post(undo_of(upload))["Location"] == page_of(upload)
    assert "Being undone" in shown(upload)
    upload = taken(upload)
    assert upload.status == UploadStatus.UNDONE
    assert not Entity.objects.exists()
    assert "are taken back" not in shown(upload, "support")
    assert "Its new rows were removed" in shown(upload, "support")


def test_blockers_are_shown_before_undoing_and_by_the_button_if_they_appeared_meanwhile() -> None:
    account = make_account()
    upload = applied_users(account, "email\nana@acme.example\n")
    make_session(entity=Entity.objects.get(), started_at=instant("2026-03-01T09:00"), ended_at=None)
    client = client_of(make_role("operator"))
    page = client.get(undo_of(upload)).content.decode()
    assert "This upload cannot be undone" in page
    assert "1 login session" in page
    assert "Undo this upload" not in page
    answer = client.post(undo_of(upload), follow=True)
    assert "The upload was not undone." in answer.content.decode()
    upload.refresh_from_db()
    assert upload.status == UploadStatus.APPLIED


def test_what_is_not_applied_is_not_undone() -> None:
    upload = finished()
    assert undo_of(upload) not in shown(upload)
    client = client_of(make_role("operator"))
    assert "There is nothing to undo: the upload is ready to apply." in client.get(undo_of(upload)).content.decode()
    assert client.post(undo_of(upload)).status_code == 302
    assert client_of(make_role("support")).post(undo_of(upload)).status_code == 403


def test_nothing_on_the_pages_of_uploads_needs_inline_script_or_style() -> None:
    client = client_of(make_role("operator"))
    upload = finished()
    kinds = "/admin/usage/upload/kinds/"
    for address in (ADD, page_of(upload), reverse("admin:usage_upload_changelist"), kinds, f"{kinds}calls/"):
        page = client.get(address).content.decode()
        assert "style=" not in page
        assert "<style" not in page
        assert " onclick=" not in page
