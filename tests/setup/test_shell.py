"""Commands as they are typed: all their forms in a shell, from the first file to a report."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from reports import types
from tests.setup.forked_commands import ForkedCommands, forked_commands
from tests.setup.servers import PROJECT, another_user_of

DAY = "2020-02-18"
FILES = {
    "accounts": "code,name\nACME,Acme\n",
    "charges": "name,basis\nCX 2 Named,named\n",
    "rates": "rate_sheet,currency,effective_from,usage_group,usage_group_display,call_type,direction,rate_per_minute\n"
    "World,USD,2020-01-01,US-FIXED,United States,voice,Outbound,0.0181\n",
    "subscriptions": "number,account,activation_date,currency,rate_sheet\nSUB-1,ACME,2020-01-15,USD,World\n",
    "users": "email,name\nana@acme.example,Ana\n",
    "devices": "device_id\nDESK-1\n",
    "sessions": "session_id,entity,charge,started_at,ended_at\n"
    f"S-1,ana@acme.example,CX 2 Named,{DAY}T09:00:00Z,{DAY}T17:30:00Z\n",
    "resources": "name,unit\nSMS,message\n",
    "resource_usage": f"date,resource,quantity\n{DAY},SMS,12\n",
    "calls": "sip_call_id,origin,destination,usage_group,call_type,direction,start_time,end_time\n"
    f"C-1,+14155550100,+14155550101,US-FIXED,voice,Outbound,{DAY}T10:00:00Z,{DAY}T10:00:55Z\n",
}
OF_AN_ACCOUNT = {"users", "devices", "sessions", "resource_usage", "calls"}


class Shell:
    """`manage.py` in a folder of files: the first call of each command runs in a shell, later ones are forked."""

    def __init__(self, folder: Path, forked: ForkedCommands) -> None:
        self.folder = folder
        self._forked = forked
        self._typed: set[str] = set()

    def run(self, *words: str, status: int = 0) -> tuple[str, str]:
        """Return stdout and stderr of a command, which must have the expected exit status and no traceback."""
        done = self._forked.run(words) if words[0] in self._typed else self._type(words)
        self._typed.add(words[0])
        assert done.returncode == status, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout, done.stderr

    def _type(self, words: tuple[str, ...]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, str(PROJECT / "manage.py"), *words],
            cwd=self.folder,
            env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def summary(self, *words: str, status: int = 0) -> dict[str, int]:
        """Return the JSON object in the last line of `import_usage`."""
        stdout, _stderr = self.run("import_usage", *words, status=status)
        summary: dict[str, int] = json.loads(stdout.splitlines()[-1])
        return summary


def counted(**numbers: int) -> dict[str, int]:
    return {"rows": 0, "new": 0, "changed": 0, "unchanged": 0, "errors": 0, "notices": 0, **numbers}


def upload_everything(shell: Shell) -> None:
    for kind, text in FILES.items():
        (shell.folder / f"{kind}.csv").write_text(text)
        account = ["--account", "ACME"] if kind in OF_AN_ACCOUNT else []
        assert shell.summary(kind, f"{kind}.csv", *account, "--yes") == counted(rows=1, new=1), kind


def check_other_forms_of_import_usage(shell: Shell) -> None:
    assert shell.summary("calls", "calls.csv", "--account", "ACME", "--yes") == counted(rows=1, unchanged=1)
    (shell.folder / "wrong.csv").write_text("name,basis\nCX 1,wrong\n")
    stdout, stderr = shell.run("import_usage", "charges", "wrong.csv", status=1)
    assert json.loads(stdout.splitlines()[-1]) == counted(rows=1, errors=1)
    assert "row 2, basis" in stderr
    (shell.folder / "more.csv").write_text("account,email\nACME,bo@acme.example\nACME,bob.example\n")
    # Without a terminal and without --yes nothing is applied.
    assert shell.summary("users", "more.csv", status=1) == counted(rows=2, new=1, errors=1)
    applied = shell.summary("users", "more.csv", "--yes", "--skip-errors", "--errors", "errors.csv")
    assert applied == counted(rows=2, new=1, errors=1)
    assert (shell.folder / "errors.csv").read_text().splitlines() == [
        "line,column,value,reason",
        '3,email,bob.example,"This is not an e-mail address. Write one address alone, such as ana@example.com."',
    ]
    stdout, stderr = shell.run("import_usage", "horoscopes", "more.csv", "--yes", status=2)
    assert (stdout, stderr.count("\n")) == ("", 1)


def check_billing_cycle(shell: Shell) -> None:
    stdout, _stderr = shell.run("billing_cycle", "SUB-1", "--on", "2020-02-20")
    cycle: dict[str, Any] = json.loads(stdout)
    assert cycle == {
        "index": 1,
        "first_day": "2020-02-16",
        "last_day": "2020-03-15",
        "available_from": "2020-01-15",
        "available_through": "2020-02-19",
        "default_from": "2020-02-16",
        "default_through": "2020-02-19",
    }
    stdout, _stderr = shell.run("billing_cycle", "SUB-1")
    assert json.loads(stdout)["available_from"] == "2020-01-15"
    shell.run("billing_cycle", "SUB-9", status=2)


def check_generate_report(shell: Shell) -> None:
    days = ["--from", DAY, "--through", DAY]
    for report_type in types.all_types():
        shell.run("generate_report", report_type.slug, "--subscription", "SUB-1", *days, "--output", "report.csv")
        assert len((shell.folder / "report.csv").read_text().splitlines()) == 2, report_type.slug
    shell.run("generate_report", "voice-usage", "--subscription", "SUB-1", "--format", "csv", "--output", "report.csv")
    assert (shell.folder / "report.csv").read_text().startswith("SIP Call Id,")
    before = ["--from", "2020-01-14", "--through", "2020-01-20"]
    _stdout, stderr = shell.run(
        *("generate_report", "voice-usage", "--subscription", "SUB-1", *before, "--output", "report.csv"), status=1
    )
    assert "data is available from 2020-01-15" in stderr
    shell.run("generate_report", "horoscope", "--subscription", "SUB-1", "--output", "report.csv", status=2)


def test_every_form_of_the_commands_works(used_home: Path, tmp_path: Path) -> None:
    # The servers of the home keep running between the commands.
    with another_user_of(used_home), forked_commands(tmp_path) as forked:
        shell = Shell(tmp_path, forked)
        upload_everything(shell)
        check_other_forms_of_import_usage(shell)
        check_billing_cycle(shell)
        check_generate_report(shell)
