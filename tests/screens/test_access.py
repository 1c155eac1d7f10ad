"""The texts of refusals; neither links nor other sites' forms change anything.

The table in `test_urls` has the answer to each role at each address.
"""

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Administrator, Subscription
from reports.models import ReportJob
from tests.people import make_member
from tests.report_jobs import make_job


@pytest.fixture
def job(subscription: Subscription, ana: Administrator) -> ReportJob:
    return make_job(subscription=subscription, report_type="voice-usage", requested_by=ana)


@pytest.mark.parametrize("name", ["subscriptions", "report-jobs", "api-tokens", "webhooks"])
def test_a_refusal_names_the_permission(name: str, subscription: Subscription) -> None:
    client = Client()
    client.force_login(make_member(subscription.account, permissions=()))
    response = client.get(reverse(f"account_settings:{name}"))
    assert response.status_code == 403
    assert b"Billing &gt; Subscription &gt; View" in response.content


@pytest.mark.parametrize("name", ["report-job-cancel", "report-job-again"])
def test_what_changes_something_is_never_done_by_a_link(name: str, ana_client: Client, job: ReportJob) -> None:
    assert ana_client.get(reverse(f"account_settings:{name}", args=[job.pk])).status_code == 405


def test_a_form_of_another_site_is_refused(ana: Administrator, job: ReportJob) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ana)
    assert client.post(reverse("account_settings:report-job-cancel", args=[job.pk])).status_code == 403
