"""`manage.py import_usage`: its output and its exit status."""

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper

from billing.models import Account
from tests.factories import make_account
from usage.management.commands import import_usage
from usage.models import Entity

GOOD = "code,name\nACME,Acme\n"
BAD = "code,name\nACME,Acme\nBETA,\n,Gamma\n"


class Run:
    """A run of the command: its exit status, its output, and the JSON in its last line."""

    def __init__(self, *arguments: str) -> None:
        out, err = io.StringIO(), io.StringIO()
        self.status, self.sentence = 0, ""
        try:
            call_command("import_usage", *arguments, stdout=out, stderr=OutputWrapper(err))
        except CommandError as error:
            self.status, self.sentence = error.returncode, str(error)
        self.stdout, self.stderr = out.getvalue(), err.getvalue()

    @property
    def summary(self) -> tuple[int, ...]:
        """rows, new, changed, unchanged, errors."""
        summary = self._json
        assert list(summary) == ["rows", "new", "changed", "unchanged", "errors", "notices"]
        rows, *parts = list(summary.values())[:-1]
        assert rows == sum(parts)
        return (rows, *parts)

    @property
    def notices(self) -> int:
        return self._json["notices"]

    @property
    def _json(self) -> dict[str, int]:
        summary: dict[str, int] = json.loads(self.stdout.splitlines()[-1])
        return summary


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Any:
    def write(text: str | bytes) -> str:
        path = tmp_path / "file.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


@pytest.mark.django_db
class TestCommand:
    def test_a_good_file_is_applied_with_yes(self, file: Any) -> None:
        run = Run("accounts", file(GOOD), "--yes")
        assert (run.status, run.summary, run.stderr) == (0, (1, 1, 0, 0, 0), "")
        assert Account.objects.get().code == "ACME"
        run = Run("accounts", file(GOOD), "--yes")
        assert (run.status, run.summary) == (0, (1, 0, 0, 1, 0))

    def test_notices_are_shown_and_written_and_the_file_is_applied(self, file: Any, tmp_path: Path) -> None:
        written = tmp_path / "notices.csv"
        run = Run("accounts", file("code,name\nACME,NULL\nACME,NULL\n"), "--yes", "--notices", str(written))
        assert (run.status, run.summary, run.notices) == (0, (2, 1, 0, 1, 0), 2)
        first, second = run.stderr.splitlines()
        assert first.startswith("notice, row 2, name: The cell holds a word for a missing value")
        assert first.endswith("('NULL')")
        assert second.startswith("notice, row 3: The row equals row 2")
        assert [line[:2] for line in written.read_text().splitlines()[1:]] == ["2,", "3,"]
        assert Account.objects.get().name == "NULL"

    def test_notices_stop_a_file_on_demand(self, file: Any) -> None:
        run = Run("accounts", file("code,name\nACME,NULL\n"), "--yes", "--no-notices")
        assert (run.status, run.summary, run.notices) == (1, (1, 1, 0, 0, 0), 1)
        assert run.sentence == "Nothing was applied: notices: 1 (without --no-notices, the file can be applied)."
        assert not Account.objects.exists()
        run = Run("accounts", file(GOOD), "--yes", "--no-notices")
        assert (run.status, run.notices) == (0, 0)

    def test_a_thousand_notices_are_written_and_twenty_shown(self, file: Any) -> None:
        text = "\n".join(["code,name", *(f"A-{number},NULL" for number in range(1000)), ""])
        run = Run("accounts", file(text), "--yes")
        assert (run.status, run.notices) == (0, 1000)
        assert len(run.stderr.splitlines()) == 21
        assert run.stderr.splitlines()[-1].startswith("These are the first 20 of 1000 notices; --notices FILE")

    def test_without_yes_and_without_a_terminal_nothing_is_applied(self, file: Any) -> None:
        run = Run("accounts", file(GOOD))
        assert (run.status, run.summary) == (1, (1, 1, 0, 0, 0))
        assert run.sentence == "Nothing was applied: confirm with --yes."
        assert not Account.objects.exists()

    @pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("yes\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
    def test_it_asks_for_confirmation_on_a_terminal(
        self, answer: str, status: int, file: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        monkeypatch.setattr(import_usage.sys, "stdin", Terminal(answer))  # type: ignore[attr-defined]  # what it reads
        run = Run("accounts", file(GOOD))
        assert (run.status, run.summary) == (status, (1, 1, 0, 0, 0))
        assert "New rows: 1; changed: 0;" in run.stderr
        assert Account.objects.exists() is (status == 0)

    def test_one_error_applies_nothing_and_is_reported_and_written(self, file: Any, tmp_path: Path) -> None:
        errors = tmp_path / "errors.csv"
        run = Run("accounts", file(BAD), "--yes", "--errors", str(errors))
        assert (run.status, run.summary) == (1, (3, 1, 0, 0, 2))
        assert run.sentence == "Nothing was applied: 2 of 3 rows are in error (--skip-errors leaves them out)."
        assert "row 3, name: The cell is empty; it needs a value." in run.stderr
        assert errors.read_text() == (
            "line,column,value,reason\n"
            "3,name,,The cell is empty; it needs a value.\n"
            "4,code,,The cell is empty; it needs a value.\n"
        )
        assert not Account.objects.exists()

    def test_rows_in_error_are_left_out_on_demand(self, file: Any, tmp_path: Path) -> None:
        errors = tmp_path / "errors.csv"
        run = Run("accounts", file(BAD), "--yes", "--skip-errors", "--errors", str(errors))
        assert (run.status, run.summary) == (0, (3, 1, 0, 0, 2))
        assert len(errors.read_text().splitlines()) == 3
        run = Run("accounts", file("code,name\n,x\n"), "--yes", "--skip-errors")
        assert (run.status, run.summary) == (1, (1, 0, 0, 0, 1))

    def test_rows_in_error_are_written_beside_the_errors_corrected_and_applied(self, file: Any, tmp_path: Path) -> None:
        errors, rows = tmp_path / "errors.csv", tmp_path / "rows.csv"
        options = ("--yes", "--skip-errors", "--errors", str(errors), "--rows-in-error", str(rows))
        assert Run("accounts", file(BAD), *options).summary == (3, 1, 0, 0, 2)
        assert errors.read_text().startswith("line,column,value,reason\n3,name,")
        assert rows.read_text() == (
            "code,name,reason\n"
            "BETA,,Row 3: name: The cell is empty; it needs a value.\n"
            ",Gamma,Row 4: code: The cell is empty; it needs a value.\n"
        )
        mended = rows.read_text().replace("BETA,", "BETA,Beta").replace(",Gamma", "GAMMA,Gamma")
        assert Run("accounts", file(mended), "--yes").summary == (2, 2, 0, 0, 0)
        assert Account.objects.count() == 3

    def test_rows_are_left_out_once_it_is_confirmed_and_never_all_of_them(self, file: Any) -> None:
        run = Run("accounts", file(BAD), "--skip-errors")
        assert (run.status, run.summary) == (1, (3, 1, 0, 0, 2))
        assert run.sentence == "Nothing was applied: confirm with --yes."
        run = Run("accounts", file("code,name\nBETA,\n"), "--skip-errors", "--yes")
        assert (run.status, run.summary) == (1, (1, 0, 0, 0, 1))
        assert run.sentence == "Nothing was applied: every row is in error."

    @pytest.mark.parametrize(
        ("text", "was_applied"),
        [(GOOD, True), (BAD, False), ("code\nACME\n", False)],
    )
    def test_errors_that_cannot_be_written_do_not_hide_what_became_of_the_file(
        self, text: str, was_applied: bool, file: Any
    ) -> None:
        run = Run("accounts", file(text), "--yes", "--errors", "/dev/full")
        what = "The file was applied, but then something went wrong" if was_applied else "Nothing was applied"
        assert (run.status, run.sentence) == (1, f"{what}: [Errno 28] No space left on device")
        assert run.summary[0] == text.count("\n") - 1
        assert Account.objects.exists() == was_applied

    def test_a_pipe_is_refused_in_a_sentence(self, tmp_path: Path) -> None:
        path = tmp_path / "pipe"
        os.mkfifo(path)
        descriptor = os.open(path, os.O_RDWR)  # so that opening the other end does not block
        run = Run("accounts", str(path), "--yes")
        os.close(descriptor)
        assert (run.status, run.sentence) == (2, f"{path} is a pipe, and the file is read twice: save it first.")

    def test_a_thousand_errors_are_written_and_twenty_shown(self, file: Any, tmp_path: Path) -> None:
        errors = tmp_path / "errors.csv"
        run = Run("accounts", file("code,name\n" + ",x\n" * 1000), "--yes", "--errors", str(errors))
        assert run.summary == (1000, 0, 0, 0, 1000)
        assert len(run.stderr.splitlines()) == 21
        assert len(errors.read_text().splitlines()) == 1001

    def test_a_file_with_a_wrong_header_has_all_its_rows_in_error(self, file: Any, tmp_path: Path) -> None:
        errors = tmp_path / "errors.csv"
        run = Run("accounts", file("code,nome\nACME,Acme\nBETA,Beta\n"), "--yes", "--errors", str(errors))
        assert (run.status, run.summary) == (1, (2, 0, 0, 0, 2))
        assert [line.split(",")[:2] for line in errors.read_text().splitlines()] == [
            ["line", "column"],
            ["1", "nome"],
            ["1", "name"],
        ]

    def test_a_thousand_wrong_columns_fill_no_screen(self, file: Any) -> None:
        run = Run("accounts", file(",".join(f"c{number}" for number in range(1000)) + "\n"), "--yes")
        assert (run.status, run.summary) == (1, (0, 0, 0, 0, 0))
        assert len(run.stderr.splitlines()) == 21

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04", GOOD.encode("utf-32"), b'code,name\nA,"b\n'])
    def test_a_file_that_cannot_be_read_ends_in_a_sentence(self, content: bytes, file: Any) -> None:
        run = Run("accounts", file(content), "--yes")
        assert run.status == 1
        assert run.summary[1:4] == (0, 0, 0)
        assert run.stderr.startswith("row ")

    def test_an_account_is_named_for_kinds_that_belong_to_one(self, file: Any) -> None:
        make_account(code="ACME")
        assert Run("users", file("email\na@x\n"), "--account", "ACME", "--yes").status == 0
        assert Entity.objects.get().account.code == "ACME"
        assert Run("users", file("email\na@x\n"), "--yes").status == 1

    @pytest.mark.parametrize(
        ("arguments", "part"),
        [
            (("nothing", "FILE"), "There is no kind 'nothing'"),
            (("accounts", "/no/such/file.csv"), "No such file"),
            (("accounts", "/"), "Is a directory"),
            (("users", "FILE", "--account", "NONE"), "There is no account with the code 'NONE'."),
            (("accounts", "FILE", "--account", "ACME"), "leave out --account"),
            (("accounts", "FILE", "--errors", "/no/such/folder/errors.csv"), "No such file"),
            (("accounts", "FILE", "--errors", "FILE"), "cannot be written over"),
            (("accounts", "FILE", "--rows-in-error", "FILE"), "cannot be written over"),
            (("accounts", "FILE", "--errors", "/dev/null", "--rows-in-error", "/dev/null"), "cannot be written over"),
        ],
    )
    def test_what_is_misunderstood_ends_with_status_2(self, arguments: tuple[str, ...], part: str, file: Any) -> None:
        make_account(code="ACME")
        path = file(GOOD)
        run = Run(*(path if argument == "FILE" else argument for argument in arguments), "--yes")
        assert (run.status, run.stdout) == (2, "")
        assert part in run.sentence
        assert Path(path).read_text() == GOOD
