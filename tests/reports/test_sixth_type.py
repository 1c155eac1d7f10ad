"""Adding a sixth report type is one new file: no edit elsewhere, no migration."""

from datetime import date
from pathlib import Path

import pytest

from tests.factories import instant, make_administrator, make_entity, make_session, make_subscription
from tests.reports.sixth_type import SLUG, TITLE, copy_with_sixth_type, manage, page


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_one_new_file_makes_a_sixth_report_type(tmp_path: Path) -> None:
    subscription = make_subscription(number="SUB-1", activation_date=date(2026, 3, 21))
    user = make_entity(account=subscription.account)
    for moment in ["2026-03-22T09:00", "2026-03-22T10:00", "2026-03-23T09:00"]:
        make_session(entity=user, started_at=instant(moment), ended_at=instant(moment))
    project = copy_with_sixth_type(tmp_path / "project")
    output = tmp_path / "report.csv"
    administrator = make_administrator(is_superuser=True, is_platform_staff=True)

    migrations = manage(project, "makemigrations", "--check", "--dry-run")
    report = manage(
        project,
        *("generate_report", SLUG, "--subscription", "SUB-1"),
        *("--from", "2026-03-22", "--through", "2026-03-23", "--output", str(output)),
    )

    assert (migrations.returncode, migrations.stdout) == (0, "No changes detected\n"), migrations.stderr
    assert report.returncode == 0, report.stderr
    assert output.read_text() == "Date,Logins\n2026-03-22,2\n2026-03-23,1\n"

    shown = page(project, administrator=administrator.pk, subscription=subscription.pk)
    assert shown.returncode == 0, shown.stderr
    assert TITLE in shown.stdout
    assert f'value="{SLUG}"' in shown.stdout
