"""Templates are written to be read: no line is longer than a screen."""

from pathlib import Path

from django.conf import settings

MOST_CHARACTERS = 140
FOLDERS = ("billing", "reports", "templates", "ui", "usage")


def test_no_line_of_a_template_is_too_long() -> None:
    paths = [path for folder in FOLDERS for path in (Path(settings.BASE_DIR) / folder).rglob("*.html")]
    too_long = [
        f"{path.relative_to(settings.BASE_DIR)}:{number}"
        for path in sorted(paths)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if len(line) > MOST_CHARACTERS
    ]
    assert len(paths) > len(FOLDERS)
    assert too_long == []
