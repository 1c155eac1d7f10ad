"""Uploads into one account at the same moment, and edits by hand beside them: one after the other, in no circle."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from billing.models import Subscription
from jobs.states import State
from tests.factories import make_account, make_charge, make_subscription
from tests.people import client_of, make_role, make_uploader
from tests.uploads import receive_users, taken
from tests.waiting import GUARD_SECONDS
from usage import tasks
from usage.models import Entity, Upload, UploadStatus, UploadStep
from usage.uploads import decide

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

NO_ALLOWANCES = {"allowances-TOTAL_FORMS": "0", "allowances-INITIAL_FORMS": "0"}
NO_DISCOUNTS = {"telco_commit_discounts-TOTAL_FORMS": "0", "telco_commit_discounts-INITIAL_FORMS": "0"}


@pytest.mark.parametrize("number", [2, 8])
def test_uploads_with_the_same_keys_are_applied_one_after_the_other(number: int) -> None:
    account = make_account()
    uploader = make_uploader(accounts=(account,))
    subscription, charge = make_subscription(account=account), make_charge()
    orders = [range(200), range(199, -1, -1)]
    uploads = []
    for file in range(number):
        rows = "".join(f"user{one}@acme.example,File {file}\n" for one in orders[file % 2])
        uploads.append(taken(receive_users(f"email,name\n{rows}", account=account, administrator=uploader)))
    for upload in uploads:
        decide.confirm(upload, uploader)
    barrier = threading.Barrier(number + 2)

    def apply(upload: Upload) -> None:
        step = UploadStep.objects.get(upload=upload, step="apply")
        barrier.wait(GUARD_SECONDS)
        # As messages are republished: a step that may not run yet is left for later.
        while step.state in {State.QUEUED, State.RUNNING}:
            tasks.take_step(str(step.pk))
            step.refresh_from_db()
        connection.close()

    def edit(staff: Client, address: str, fields: dict[str, str]) -> int:
        barrier.wait(GUARD_SECONDS)
        statuses = {staff.post(address, fields).status_code for _time in range(3)}
        connection.close()
        return statuses.pop() if len(statuses) == 1 else 0

    edits = [
        (
            reverse("admin:billing_charge_change", args=[charge.pk]),
            {"name": "CX 9", "basis": "hourly", **NO_ALLOWANCES},
        ),
        (reverse("admin:billing_subscription_change", args=[subscription.pk]), _fields_of(subscription)),
    ]
    clients = [client_of(make_role("superuser")) for _edit in edits]
    with ThreadPoolExecutor(number + 2) as pool:
        works = [pool.submit(apply, upload) for upload in uploads]
        edited = [pool.submit(edit, client, *one) for client, one in zip(clients, edits, strict=True)]
        for work in works:
            work.result(timeout=120)
        assert [one.result(timeout=120) for one in edited] == [302, 302]
    done = Upload.objects.select_related("latest_step").order_by("applied_at")
    assert {(upload.status, upload.latest_step and upload.latest_step.attempt) for upload in done} == {
        (UploadStatus.APPLIED, 1)
    }
    assert [upload.rows_new for upload in done] == [200, *[0] * (number - 1)]
    assert [upload.rows_changed for upload in done] == [0, *[200] * (number - 1)]
    last = done.last()
    assert last is not None
    assert set(Entity.objects.values_list("upload_id", flat=True)) == {last.pk}
    assert Entity.objects.values("name").distinct().count() == 1


def _fields_of(subscription: Subscription) -> dict[str, str]:
    return {
        "account": str(subscription.account_id),
        "number": "S-9",
        "activation_date": str(subscription.activation_date),
        "currency": "USD",
        "cycle_policy": subscription.cycle_policy,
        **NO_DISCOUNTS,
    }
