"""Every address under Account settings, for everybody: another account's is missing, without the permission refused."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Administrator, Subscription
from jobs.states import State
from reports.models import ReportJob
from reports.screens.urls import urlpatterns
from tests.jobs.jobs import make_job
from tests.screens.world import make_acme, make_member, make_staff

# Name, method, and what stands in the address: a subscription, a report job or nothing.
ADDRESSES = [
    ("index", "get", None),
    ("subscriptions", "get", None),
    ("subscription", "get", "subscription"),
    ("rows", "get", "rows"),
    ("missing-rates", "get", "subscription"),
    ("download-usage-report", "get", "subscription"),
    ("download-usage-report", "post", "subscription"),
    ("progress", "get", "subscription"),
    ("report-jobs", "get", None),
    ("report-job-file", "get", "job"),
    ("report-job-cancel", "post", "job"),
    ("report-job-again", "post", "job"),
    ("api-tokens", "get", None),
    ("api-token-new", "get", None),
    ("api-token-new", "post", None),
]
# About a person's own things, which are no account's: their tests are elsewhere.
OF_PERSONS = {"api-token-revoke"}
OF_OBJECTS = [address for address in ADDRESSES if address[2]]


def address(name: str, of: str | None, subscription: Subscription, job: ReportJob) -> str:
    arguments: dict[str | None, list[object]] = {
        None: [],
        "subscription": [subscription.pk],
        "rows": [subscription.pk, "voice-usage"],
        "job": [job.pk],
    }
    return reverse(f"account_settings:{name}", args=arguments[of])


def signed_in(administrator: Administrator) -> Client:
    client = Client()
    client.force_login(administrator)
    return client


@pytest.fixture
def job(subscription: Subscription, ana: Administrator) -> ReportJob:
    return make_job(subscription=subscription, report_type="voice-usage", requested_by=ana)


def test_every_address_is_in_the_table() -> None:
    assert {name for name, _method, _of in ADDRESSES} | OF_PERSONS == {pattern.name for pattern in urlpatterns}


@pytest.mark.parametrize(("name", "method", "of"), ADDRESSES[1:])
def test_strangers_are_asked_to_sign_in(
    name: str, method: str, of: str | None, subscription: Subscription, job: ReportJob
) -> None:
    target = address(name, of, subscription, job)
    response = getattr(Client(), method)(target)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("admin:login"))


@pytest.mark.parametrize(("name", "method", "of"), OF_OBJECTS)
@pytest.mark.parametrize("permissions", [("view_subscription",), ("all_permissions",), ()])
def test_what_belongs_to_another_account_is_missing(
    name: str, method: str, of: str, permissions: tuple[str, ...], subscription: Subscription, job: ReportJob
) -> None:
    other = make_member(make_acme().account, permissions=permissions)
    response = getattr(signed_in(other), method)(address(name, of, subscription, job))
    assert response.status_code == 404
    assert ReportJob.objects.filter(state=State.QUEUED).count() == 1


@pytest.mark.parametrize(("name", "method", "of"), ADDRESSES[1:])
def test_ones_own_without_the_permission_is_refused(
    name: str, method: str, of: str | None, subscription: Subscription, job: ReportJob
) -> None:
    dev = make_member(subscription.account, permissions=())
    response = getattr(signed_in(dev), method)(address(name, of, subscription, job))
    assert response.status_code == 403
    assert b"Billing &gt; Subscription &gt; View" in response.content
    assert ReportJob.objects.filter(state=State.QUEUED).count() == 1


@pytest.mark.parametrize("permission", ["view_subscription", "add_subscription", "all_permissions"])
def test_any_of_the_three_permissions_opens_the_screens(
    permission: str, subscription: Subscription, job: ReportJob
) -> None:
    client = signed_in(make_member(subscription.account, permissions=(permission,)))
    for name, method, of in ADDRESSES:
        if method == "get" and name not in {"index", "subscriptions", "report-job-file"}:
            assert client.get(address(name, of, subscription, job)).status_code == 200, name


def test_staff_without_the_permission_are_refused(subscription: Subscription) -> None:
    staff = make_member(permissions=(), is_platform_staff=True)
    assert signed_in(staff).get(address("subscription", "subscription", subscription, ReportJob())).status_code == 403


def test_missing_objects_are_missing_for_everybody(db: None) -> None:
    client = signed_in(make_staff())
    assert client.get(reverse("account_settings:subscription", args=[987654])).status_code == 404
    assert client.get(reverse("account_settings:report-job-file", args=[uuid.uuid4()])).status_code == 404


@pytest.mark.parametrize("name", ["report-job-cancel", "report-job-again"])
def test_what_changes_something_is_never_done_by_a_link(name: str, ana_client: Client, job: ReportJob) -> None:
    assert ana_client.get(reverse(f"account_settings:{name}", args=[job.pk])).status_code == 405


def test_a_form_of_another_site_is_refused(ana: Administrator, job: ReportJob) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ana)
    assert client.post(reverse("account_settings:report-job-cancel", args=[job.pk])).status_code == 403
