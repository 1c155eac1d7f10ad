"""Scripts write sizes as the server does."""

from pathlib import Path

from django.contrib.staticfiles import finders
from playwright.sync_api import Page

from tests.sizes import SIZES
from ui.formatting import size_text


def test_scripts_and_the_server_write_sizes_the_same(page: Page) -> None:
    sizes = [size for size, _text in SIZES]
    # Around every power of ten, where the unit or the number of decimals changes, and at its halves.
    sizes += [10**power * step // 20 + by for power in range(1, 15) for step in range(1, 201) for by in (-1, 0, 1)]
    page.add_script_tag(path=Path(str(finders.find("tallydesk/formatting.js"))))
    assert page.evaluate("sizes => sizes.map(tallydesk.sizeText)", sizes) == [size_text(size) for size in sizes]
