"""Whether the web server lives (/healthz), and whether it can do its work (/readyz): for programs that probe it."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from config.monitoring.readiness import failings


def answer_probes(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware, the first of all: probes are answered without a session, a count, or a line in the log.

    They come from beside the server, by its bare address and in plain HTTP: neither ALLOWED_HOSTS nor the redirect to
    HTTPS is for them.
    """
    answers = {"/healthz": alive, "/readyz": ready}

    def answer(request: HttpRequest) -> HttpResponse:
        return answers.get(request.path_info, get_response)(request)

    return answer


@require_safe
def alive(_request: HttpRequest) -> HttpResponse:
    """200: the process answers. It asks nobody else, since to start it again would help nobody else."""
    return _answer({"status": "ok"}, status=200)


@require_safe
def ready(_request: HttpRequest) -> HttpResponse:
    """200 when everything that the product needs is well, otherwise 503; and what each check found."""
    found = failings()
    checks = {
        name: {"status": "failing", "detail": failing} if failing else {"status": "ok"}
        for name, failing in found.items()
    }
    is_ready = not any(found.values())
    return _answer({"status": "ok" if is_ready else "failing", "checks": checks}, status=200 if is_ready else 503)


def _answer(body: dict[str, object], *, status: int) -> HttpResponse:
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})
