"""Logs: one line for each event on stderr, with its request or job, as text or as JSON."""

import logging.config
import re
from typing import Any

import structlog
from django.conf import settings
from structlog.typing import EventDict, Processor, WrappedLogger

_SECRET = re.compile(
    r"""
    (/set-password/[^/\s]+/) [^/\s]+                                       # links that set a password
    | (\b(?:tally_|whsec_)) [\w+/=-]{16,}                                  # API tokens, secrets of webhooks
    | (\b(?:bearer|basic)\s+) [\w.~+/=-]{16,}                              # any other credentials
    | (\bauthorization['"]?\s*[:=]\s*['"]?(?:[a-z]+\s+)?) [\w.~+/=-]{8,}
    """,
    re.VERBOSE | re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def without_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor that masks secret links and tokens, and escapes characters that could control a terminal."""
    return {key: _harmless(value) if isinstance(value, str) else value for key, value in event.items()}


def _harmless(text: str) -> str:
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", _SECRET.sub(_cut, text))


def _cut(match: re.Match[str]) -> str:
    """Return the part that shows the kind of secret, without the secret itself."""
    return "".join(filter(None, match.groups())) + "..."


_OF_EVERY_LINE: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logging_settings(*, as_json: bool, level: str) -> dict[str, Any]:
    """Return Django's LOGGING, which formats the lines of all loggers alike, structlog's events included."""
    structlog.configure(
        processors=[*_OF_EVERY_LINE, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    lines: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,  # first: an exception may quote a secret
        without_secrets,
    ]
    if as_json:
        lines += [structlog.processors.JSONRenderer()]
    else:
        lines += [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": lines,
                "foreign_pre_chain": _OF_EVERY_LINE,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        # Otherwise every line would appear twice.
        "loggers": {"django": {"handlers": [], "propagate": True}},
    }


def configure_worker(loglevel: int, **_signal: Any) -> None:
    """Log in the same format in workers and schedulers, at their own level. Receives Celery's `setup_logging`."""
    logging.config.dictConfig(settings.LOGGING)
    logging.getLogger().setLevel(loglevel)
