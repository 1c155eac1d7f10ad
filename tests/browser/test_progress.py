"""The script by which pages follow the server's work."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from playwright.sync_api import Page

CLIENT = """
new Promise((done) => {
    const log = [];
    const answers = ANSWERS;
    const client = new tallydesk.ProgressClient({
        isAwaited: () => true,
        interval: (number) => 10 + number,
        refresh: async () => {
            client.schedule(0);  // has no effect while a refresh is under way
            if (answers.shift() === "missing") {
                throw new Error("missing");
            }
        },
        fail: () => answers.length > 0,
    });
    client.run = async () => {
        await tallydesk.ProgressClient.prototype.run.call(client);
        log.push(client.delay());
        if (answers.length === 0) {
            clearTimeout(client.timer);
            done(log);
        } else {
            client.schedule(0);
        }
    };
    client.schedule(0);
})
"""


@pytest.fixture
def run(page: Page) -> Any:
    """Run a client that gets these answers; return its delay after each of them."""
    page.add_script_tag(path=Path(str(finders.find("tallydesk/progress.js"))))

    def delays(*answers: str) -> list[int]:
        found: list[int] = page.evaluate(CLIENT.replace("ANSWERS", str(list(answers))))
        return found

    return delays


def test_a_page_fetches_its_progress_at_the_interval_that_it_chose(run: Any) -> None:
    assert run("here", "here", "here") == [11, 12, 13]


def test_a_page_fetches_less_often_without_answers_and_at_its_interval_after_one(run: Any) -> None:
    assert run(*["missing"] * 6, "here") == [1000, 2000, 4000, 8000, 15_000, 15_000, 11]
