"""A copy of the project with a sixth report type: one new file, and nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection

PROJECT = Path(__file__).resolve().parents[2]
SLUG, TITLE = "daily-logins", "Daily Logins"
SIXTH_TYPE = '''"""Daily Logins: how many logins there were on each day."""

from psycopg import sql

from reports.engine.report_type import ColumnKind, ReportColumn, ReportType, Scope


def daily_logins(scope: Scope) -> sql.Composed:
    """Each day of the range with a login, and their number."""
    start, end = scope.range.period
    return sql.SQL(
        """SELECT (started_at AT TIME ZONE 'UTC')::date AS day, count(*) AS logins FROM usage_loginsession
        WHERE account_id = {account} AND started_at >= {start} AND started_at < {end} GROUP BY day"""
    ).format(account=sql.Literal(scope.account_id), start=sql.Literal(start), end=sql.Literal(end))


REPORT_TYPE = ReportType(
    slug="daily-logins",
    title="Daily Logins",
    description="how many logins there were, each day",
    columns=(
        ReportColumn("Date", ColumnKind.DATE, "day"),
        ReportColumn("Logins", ColumnKind.INTEGER, "logins", unit="logins"),
    ),
    source=daily_logins,
    order_by=("day",),
)
'''


def copy_with_sixth_type(folder: Path) -> Path:
    """Copy the files that git tracks, as they are on disk, and add the type."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )
    for name in filter(None, listing.stdout.decode().split("\0")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)
    (folder / "reports" / "types" / "daily_logins.py").write_text(SIXTH_TYPE)
    return folder


def environment() -> dict[str, str]:
    """Return the variables with which a process of the copy uses the servers and the database of the tests."""
    database = connection.settings_dict
    parts = {"host": database["HOST"], "port": database["PORT"], "user": database["USER"]}
    if database["PASSWORD"]:
        parts["password"] = database["PASSWORD"]
    return {
        **{name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
        "DATABASE_URL": f"postgres:///{database['NAME']}?{urlencode(parts)}",
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": settings.SECRET_KEY,
        "HTTPS": "false",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }


def manage(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` of the copy."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=project, env=environment(), check=False, capture_output=True, text=True)


PAGE = """
from django.test import Client
from billing.models import Administrator
client = Client()
client.force_login(Administrator.objects.get(pk={administrator}))
print(client.get("/admin/account-settings/subscriptions/{subscription}/download-usage-report/").content.decode())
"""


def page(project: Path, *, administrator: int, subscription: int) -> subprocess.CompletedProcess[str]:
    """Return the page Download Usage Report of the copy."""
    script = PAGE.format(administrator=administrator, subscription=subscription)
    return manage(project, "shell", "--verbosity", "0", "-c", script)
