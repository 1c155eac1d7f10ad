"""The words of the product: docstrings that say something, no name or phrase that was given up, short template lines.

`python -m tests.test_words` prints the constant NOT_YET as the project stands.
"""

import ast
import io
import pprint
import re
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.documents import DOCUMENTS, PROJECT

APPLICATIONS = ("billing", "config", "demo", "jobs", "reports", "ui", "usage")
LEAST_WORDS = 5
LONGEST_TEMPLATE_LINE = 140

# What is still to be mended, by test: files, or retired names.
NOT_YET: dict[str, set[str]] = {
    "docstrings": {
        "billing/backends.py",
        "billing/management/commands/billing_cycle.py",
        "billing/models/accounts.py",
        "billing/models/administrators.py",
        "billing/models/api_tokens.py",
        "billing/models/subscriptions.py",
        "billing/password_views.py",
        "billing/people_admin.py",
        "billing/scoped_admin.py",
        "billing/tenancy.py",
        "config/command_line.py",
        "config/monitoring/readiness.py",
        "demo/names.py",
        "jobs/heartbeat.py",
        "jobs/models.py",
        "jobs/object_storage.py",
        "jobs/progress.py",
        "jobs/states.py",
        "reports/api/base.py",
        "reports/api/exceptions.py",
        "reports/api/fields.py",
        "reports/api/filters.py",
        "reports/api/links.py",
        "reports/api/openapi/inspection.py",
        "reports/api/pagination.py",
        "reports/api/polling.py",
        "reports/api/serializers/report_jobs.py",
        "reports/api/serializers/report_types.py",
        "reports/api/serializers/root.py",
        "reports/api/serializers/subscriptions.py",
        "reports/api/throttling.py",
        "reports/api/urls.py",
        "reports/api/views/report_jobs.py",
        "reports/api/views/report_types.py",
        "reports/api/views/root.py",
        "reports/api/views/schema.py",
        "reports/api/views/subscriptions.py",
        "reports/apps.py",
        "reports/engine/totals.py",
        "reports/models/comparisons.py",
        "reports/models/idempotency_keys.py",
        "reports/models/report_jobs.py",
        "reports/models/report_requests.py",
        "reports/models/webhooks.py",
        "reports/screens/api_tokens/views.py",
        "reports/screens/reports/details.py",
        "reports/screens/reports/forms.py",
        "ui/admin_site.py",
        "ui/formatting.py",
        "ui/templatetags/formatting.py",
        "usage/admin/accounts.py",
        "usage/admin/calls.py",
        "usage/admin/charges.py",
        "usage/admin/entities.py",
        "usage/admin/exporting.py",
        "usage/admin/long_lists.py",
        "usage/admin/rate_sheets.py",
        "usage/admin/subscriptions.py",
        "usage/admin/uploads/__init__.py",
        "usage/admin/uploads/admin.py",
        "usage/admin/uploads/cards.py",
        "usage/admin/uploads/kinds.py",
        "usage/admin/uploads/permissions.py",
        "usage/files/csv_files.py",
        "usage/models/calls.py",
        "usage/models/entities.py",
        "usage/models/resources.py",
        "usage/models/sessions.py",
        "usage/models/uploads.py",
        "usage/resources/base.py",
        "usage/resources/batches.py",
        "usage/resources/columns.py",
        "usage/resources/directory.py",
        "usage/resources/formats.py",
    },
    "names": {
        "CoveringAdmin",
        "ReportRequest",
        "Requested",
        "Scope.open_until",
        "UploadResource.disagreements",
        "UploadResource.recorded",
        "UploadSight",
        "concurrency.levels",
        "concurrency.presence",
        "deduplicate.Withdrawal",
        "deduplicate.wait_for",
        "deduplicate.who_wait",
        "deduplicate.withdraw",
        "report_type.Column",
        "reports.models.report_requests",
        "reports.orders.enqueue.request_report",
        "reports.orders.run.make_report",
        "rows.unheard",
        "uploads.decide.begin",
        "uploads.steps.take",
    },
    "phrases": {
        "billing/cycles.py",
        "billing/models/administrators.py",
        "billing/models/api_tokens.py",
        "billing/models/data_versions.py",
        "billing/models/rate_sheets.py",
        "billing/password_links.py",
        "billing/password_views.py",
        "billing/people_admin.py",
        "billing/scoped_admin.py",
        "billing/templates/registration/password_reset_done.html",
        "config/formats/en_GB/formats.py",
        "config/monitoring/health.py",
        "config/monitoring/questions.py",
        "config/monitoring/request_metrics.py",
        "config/settings.py",
        "config/supervisor/console.py",
        "config/supervisor/launcher.py",
        "config/supervisor/parts.py",
        "demo/companies.py",
        "demo/phone_numbers.py",
        "demo/resources.py",
        "demo/rosters.py",
        "demo/sessions.py",
        "jobs/files.py",
        "jobs/heartbeat.py",
        "jobs/locks.py",
        "jobs/models.py",
        "jobs/progress.py",
        "jobs/querysets.py",
        "jobs/streams.py",
        "jobs/tasks.py",
        "reports/api/authentication.py",
        "reports/api/base.py",
        "reports/api/exceptions.py",
        "reports/api/openapi/headers.py",
        "reports/api/openapi/inspection.py",
        "reports/api/openapi/operations.py",
        "reports/api/openapi/problem_responses.py",
        "reports/api/pagination.py",
        "reports/api/permissions.py",
        "reports/api/polling.py",
        "reports/api/queries.py",
        "reports/api/serializers/manifests.py",
        "reports/api/serializers/report_jobs.py",
        "reports/api/throttling.py",
        "reports/api/views/report_jobs.py",
        "reports/comparisons/diff.py",
        "reports/comparisons/enqueue.py",
        "reports/comparisons/run.py",
        "reports/engine/cells.py",
        "reports/engine/concurrency.py",
        "reports/engine/report_type.py",
        "reports/engine/rows.py",
        "reports/engine/temporary_folders.py",
        "reports/engine/totals.py",
        "reports/engine/workbook_rows.py",
        "reports/engine/write.py",
        "reports/formats/xlsx.py",
        "reports/models/report_jobs.py",
        "reports/models/report_requests.py",
        "reports/models/webhooks.py",
        "reports/orders/deduplicate.py",
        "reports/orders/enqueue.py",
        "reports/orders/file_responses.py",
        "reports/orders/run.py",
        "reports/screens/access.py",
        "reports/screens/account_choice.py",
        "reports/screens/api_tokens/views.py",
        "reports/screens/comparisons/cards.py",
        "reports/screens/reports/details.py",
        "reports/screens/reports/outcomes.py",
        "reports/screens/reports/views.py",
        "reports/screens/subscriptions/numbers.py",
        "reports/screens/webhooks/cards.py",
        "reports/screens/webhooks/changes.py",
        "reports/summaries/billable_peak.py",
        "reports/types/concurrent_usage.py",
        "reports/types/voice_usage.py",
        "reports/webhooks/__init__.py",
        "reports/webhooks/announce.py",
        "reports/webhooks/schedule.py",
        "reports/webhooks/send.py",
        "templates/account_settings/api_token_made.html",
        "templates/account_settings/webhook.html",
        "templates/account_settings/webhook_form.html",
        "templates/account_settings/webhook_secret.html",
        "templates/account_settings/webhooks.html",
        "ui/templates/403.html",
        "ui/templates/error.html",
        "usage/admin/entities.py",
        "usage/admin/exporting.py",
        "usage/admin/long_lists.py",
        "usage/admin/uploaded.py",
        "usage/admin/uploads/files.py",
        "usage/admin/uploads/kinds.py",
        "usage/admin/uploads/permissions.py",
        "usage/admin/uploads/progress.py",
        "usage/admin/uploads/undo.py",
        "usage/files/csv_files.py",
        "usage/files/workbook_cells.py",
        "usage/files/workbook_reader.py",
        "usage/files/workbook_sheets.py",
        "usage/locks.py",
        "usage/models/sessions.py",
        "usage/resources/formats.py",
        "usage/resources/rates.py",
        "usage/staging/headers.py",
        "usage/staging/journalled_rows.py",
        "usage/staging/stage.py",
        "usage/staging/staged_tables.py",
        "usage/templates/admin/usage/upload/undo.html",
        "usage/undo/blockers.py",
        "usage/undo/ratings_since.py",
        "usage/undo/undo_upload.py",
        "usage/uploads/decide.py",
        "usage/uploads/retention.py",
        "usage/uploads/steps.py",
    },
    "template lines": {
        "templates/account_settings/_compare_again.html",
        "templates/account_settings/_comparison.html",
        "templates/account_settings/_copyable.html",
        "templates/account_settings/_cycle.html",
        "templates/account_settings/_numbers.html",
        "templates/account_settings/_pages.html",
        "templates/account_settings/_recent_report.html",
        "templates/account_settings/_report_elsewhere.html",
        "templates/account_settings/_report_form.html",
        "templates/account_settings/_report_in_progress.html",
        "templates/account_settings/_subscription_line.html",
        "templates/account_settings/_unchanged_report.html",
        "templates/account_settings/api_token_new.html",
        "templates/account_settings/api_token_revoke.html",
        "templates/account_settings/api_tokens.html",
        "templates/account_settings/comparison.html",
        "templates/account_settings/download_usage_report.html",
        "templates/account_settings/missing_rates.html",
        "templates/account_settings/no_comparison_file.html",
        "templates/account_settings/no_file.html",
        "templates/account_settings/report_job.html",
        "templates/account_settings/report_jobs.html",
        "templates/account_settings/rows.html",
        "templates/account_settings/screen.html",
        "templates/account_settings/subscription.html",
        "templates/account_settings/subscriptions.html",
        "templates/account_settings/webhook.html",
        "templates/account_settings/webhook_delete.html",
        "templates/account_settings/webhook_delivery.html",
        "templates/account_settings/webhook_form.html",
        "templates/account_settings/webhook_rotate.html",
        "templates/account_settings/webhook_secret.html",
        "templates/account_settings/webhooks.html",
        "ui/templates/403.html",
        "ui/templates/403_csrf.html",
        "ui/templates/admin/base_site.html",
        "ui/templates/admin/brand_mark.html",
        "ui/templates/admin/change_list.html",
        "ui/templates/admin/index.html",
        "ui/templates/admin/navigation.html",
        "ui/templates/admin/search_form.html",
        "ui/templates/admin/user_tools.html",
        "usage/templates/admin/usage/export.html",
        "usage/templates/admin/usage/pagination.html",
        "usage/templates/admin/usage/upload/_upload.html",
        "usage/templates/admin/usage/upload/add.html",
        "usage/templates/admin/usage/upload/base.html",
        "usage/templates/admin/usage/upload/change_list.html",
        "usage/templates/admin/usage/upload/kind.html",
        "usage/templates/admin/usage/upload/kinds.html",
        "usage/templates/admin/usage/upload/undo.html",
        "usage/templates/admin/usage/upload/upload.html",
    },
}

# Retired names: a module, class or function whose qualified name has these parts, one after the other.
RETIRED_NAMES = [
    "config.demo",
    "config.health",
    "config.logs",
    "config.metrics",
    "config.questions",
    "config.readiness",
    "jobs.watching",
    "Watcher",
    "jobs.progress.Nobody",
    "Claim.hand_over",
    "Attempt.hand_over",
    "JobQuerySet.untold",
    "JobQuerySet.take_untold",
    "JobQuerySet.put_back_abandoned",
    "JobQuerySet.take_next",
    "JobQuerySet._told",
    "JobQuerySet._turn_of",
    "JobQuerySet._hold_turns",
    "JobQuerySet._with_a_turn",
    "Job.at_once",
    "Job.turns_by",
    "Claim.put_back",
    "Attempt.progress",
    "ProgressReporter.progress",
    "jobs.publishing.tell",
    "jobs.publishing.announce",
    "jobs.shutdown.announce",
    "jobs.shutdown.is_announced",
    "jobs.shutdown.withdraw",
    "reports.making",
    "reports.generation",
    "reports.sharing",
    "reports.storing",
    "reports.presence",
    "reports.requesting",
    "reports.comparing",
    "reports.comparison_requests",
    "reports.differences",
    "reports.cell_texts",
    "reports.summary",
    "reports.models.report_requests",
    "reports.screens.overview",
    "reports.screens.requested",
    "reports.screens.job_cards",
    "reports.screens.report_jobs",
    "reports.api.limits",
    "reports.api.problems",
    "reports.api.parsing",
    "reports.api.strict",
    "reports.api.waiting",
    "reports.api.callers",
    "reports.webhooks.announcing",
    "reports.webhooks.delivering",
    "reports.webhooks.disabling",
    "reports.webhooks.sending",
    "reports.webhooks.signing",
    "ReportRequest",
    "Requested",
    "reports.orders.enqueue.request_report",
    "reports.orders.run.make_report",
    "Scope.open_until",
    "deduplicate.who_wait",
    "deduplicate.wait_for",
    "deduplicate.withdraw",
    "deduplicate.Withdrawal",
    "concurrency.presence",
    "concurrency.levels",
    "cells.cell_texts",
    "rows.unheard",
    "report_type.Column",
    "usage.applying",
    "usage.checking",
    "usage.deciding",
    "usage.receiving",
    "usage.recording",
    "usage.obstacles",
    "usage.verdicts",
    "usage.watching",
    "usage.undoing",
    "usage.previews",
    "usage.staging.Terms",
    "usage.written_rows",
    "usage.steps",
    "usage.source_files",
    "usage.staging.verdicts",
    "usage.admin.covering",
    "usage.admin.upload_sight",
    "usage.admin.upload_origins",
    "Terms",
    "Uploadable",
    "CoveringAdmin",
    "UploadSight",
    "uploads.decide.begin",
    "uploads.receive.begin",
    "uploads.steps.take",
    "UploadResource.disagreements",
    "UploadResource.recorded",
    "blockers.obstacles",
]

# Retired phrases, and where each may stay.
RETIRED_PHRASES: dict[str, tuple[str, ...]] = {
    r"reckon\w*": (),
    r"whoever": (),
    r"who asks": (),
    r"(?<![`/])nobody(?!`)": ("config/embedded/",),  # the user that PostgreSQL runs as
    r"so many": (),
    r"how-many-th": (),
    r"any more(?= \w)": (),
    r"hears? of": (),
    r"told of": (),
    r"of old": (),
    r"as [^.;:,]{1,40} has it": (),
    r"speaks? against": (),
    r"in vain": (),
    r"seldom": (),
    r"thereby": (),
}
_COMMENTS = {".html": r"<!--.*?-->", ".css": r"/\*.*?\*/", ".js": r"//[^\n]*|/\*.*?\*/"}


def product_files(*endings: str) -> list[Path]:
    """Return the product's own files with these endings; migrations are history and stay as they are."""
    folders = [PROJECT / name for name in (*APPLICATIONS, "templates")]
    found = (path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in endings)
    return [path for path in found if not {"migrations", "vendor"}.intersection(path.parts)]


def name_of(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def documented(tree: ast.Module) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def docstrings(path: Path) -> list[str]:
    return [text for node in documented(parsed(path)) if (text := ast.get_docstring(node))]


def short_docstrings(path: Path) -> list[str]:
    return [text for text in docstrings(path) if len(text.split()) < LEAST_WORDS]


def comments(source: str) -> list[str]:
    """Return the comments of a module; those on lines that follow each other are one text."""
    found: list[str] = []
    last = -1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            text = token.string.lstrip("# ")
            if token.start[0] == last + 1:
                found[-1] += f" {text}"
            else:
                found.append(text)
            last = token.start[0]
    return found


def strings(path: Path) -> list[str]:
    """Return all strings of a module, docstrings and the texts of screens, logs and errors among them."""
    nodes = ast.walk(parsed(path))
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def prose(path: Path) -> list[str]:
    """Return the texts of a file in which words are looked for, each with single spaces."""
    if path.suffix == ".py":
        texts = [*strings(path), *comments(path.read_text())]
    elif path.suffix in {".css", ".js"}:
        texts = re.findall(_COMMENTS[path.suffix], path.read_text(), re.DOTALL)
    else:
        texts = [path.read_text()]
    return [" ".join(text.split()) for text in texts]


def retired_phrases(path: Path) -> list[str]:
    """Return what a file says in words that were given up, with some words around each."""
    name = name_of(path)
    return [
        match[0]
        for phrase, places in RETIRED_PHRASES.items()
        if not any(map(name.startswith, places))
        for text in prose(path)
        for match in re.finditer(rf".{{0,30}}\b{phrase}\b.{{0,30}}", text, re.IGNORECASE)
    ]


def qualified_names(path: Path) -> Iterator[str]:
    """Yield the dotted names of a module and of the classes and functions in it."""
    module = name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def below(node: ast.AST, prefix: str) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{prefix}.{child.name}"
                yield from below(child, f"{prefix}.{child.name}")
            elif isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
                yield f"{prefix}.{child.target.id}"

    yield module
    yield from below(parsed(path), module)


@cache
def all_names() -> str:
    """Return all qualified names of the product, each between two dots and on a line of its own."""
    return "\n".join(f".{name}." for path in product_files(".py") for name in qualified_names(path))


def retired_names() -> list[str]:
    return [name for name in RETIRED_NAMES if f".{name}." in all_names()]


def long_lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if len(line) > LONGEST_TEMPLATE_LINE]


TEMPLATES = [path for path in product_files(".html", ".txt") if "templates" in path.parts]
FILES = {
    "docstrings": (product_files(".py"), short_docstrings),
    "phrases": ([*product_files(".py", ".css", ".js"), *TEMPLATES, *DOCUMENTS], retired_phrases),
    "template lines": (TEMPLATES, long_lines),
}


@pytest.mark.parametrize("rule", FILES)
def test_no_file_has_words_or_lines_that_were_given_up(rule: str) -> None:
    paths, offences = FILES[rule]
    found = {name_of(path): offences(path) for path in paths if name_of(path) not in NOT_YET.get(rule, set())}
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_no_retired_name_came_back() -> None:
    assert [name for name in retired_names() if name not in NOT_YET.get("names", set())] == []


@pytest.mark.parametrize(
    "text",
    ["Whoever asks gets it.", "There is nobody.", "They are not so many.", "It cannot be\nundone any more by us."],
)
def test_retired_phrases_are_found(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PROJECT", tmp_path)
    (tmp_path / "words.md").write_text(text)
    assert retired_phrases(tmp_path / "words.md")


def main() -> None:
    """Print NOT_YET as the project stands."""
    found = {rule: {name_of(path) for path in paths if offences(path)} for rule, (paths, offences) in FILES.items()}
    found["names"] = set(retired_names())
    sys.stdout.write(f"NOT_YET: dict[str, set[str]] = {pprint.pformat(found, width=118)}\n")


if __name__ == "__main__":
    main()
