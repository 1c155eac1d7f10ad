"""The progress of work as all pages show it, and the JSON by which their scripts follow it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import HttpRequest, JsonResponse


class ProgressBar(NamedTuple):
    """A bar and the sentence beside it. `done` of `expected` units are done; None if the amount of work is unknown."""

    text: str
    done: int = 0
    expected: int | None = None
    is_waiting: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the fields that `showProgress` in progress.js shows."""
        return {"text": self.text, "done": self.done, "expected": self.expected, "isWaiting": self.is_waiting}


def progress_response(
    request: HttpRequest, *, stage: str, headline: str, bar: ProgressBar | None, content: Callable[[], str]
) -> JsonResponse:
    """Return the progress of the one piece of work that a page is about, for progress-page.js.

    `stage` changes whenever more of the page than its bar does. If the page shows another stage, it also gets its new
    content; `headline` then says what has happened. The work has finished once `bar` is None.
    """
    answer: dict[str, Any] = {"stage": stage, "headline": headline, "progress": bar.as_json() if bar else None}
    if request.GET.get("stage") != stage:
        answer["html"] = content()
    return JsonResponse(answer)
