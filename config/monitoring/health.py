"""Probes of the web server: whether it is alive (/healthz), and whether it can do its work (/readyz)."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from config.monitoring.readiness import failings


def answer_probes(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """The outermost middleware, which answers probes without a session, a metric or a log line.

    Probes come from inside the deployment, to the bare address and in plain HTTP, so neither ALLOWED_HOSTS nor the
    redirect to HTTPS applies to them.
    """
    answers = {"/healthz": alive, "/readyz": ready}

    def answer(request: HttpRequest) -> HttpResponse:
        return answers.get(request.path_info, get_response)(request)

    return answer


@require_safe
def alive(_request: HttpRequest) -> HttpResponse:
    """Respond 200 if the process is alive. Checks no dependency, since a restart would not repair one."""
    return _answer({"status": "ok"}, status=200)


@require_safe
def ready(_request: HttpRequest) -> HttpResponse:
    """Respond 200 if every dependency works, otherwise 503, with the result of each check."""
    found = failings()
    checks = {
        name: {"status": "failing", "detail": failing} if failing else {"status": "ok"}
        for name, failing in found.items()
    }
    is_ready = not any(found.values())
    return _answer({"status": "ok" if is_ready else "failing", "checks": checks}, status=200 if is_ready else 503)


def _answer(body: dict[str, object], *, status: int) -> HttpResponse:
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})
