"""Storing what a job makes: a file under the attempt's own name, and then the job's success."""

from collections.abc import Callable
from typing import Any, BinaryIO

from jobs import files
from jobs.claims import ClaimLostError
from jobs.running import Attempt
from reports.models.file_jobs import FileJobT


def store(attempt: Attempt[FileJobT], write: Callable[[BinaryIO], dict[str, Any]]) -> None:
    """Let the file be written and finish the job; `write` returns what is known of it, as fields of the job.

    Only once the file is stored does the job succeed, and only if it is still this attempt's: a worker that was taken
    for dead deletes its own file and nothing else. What attempts before it have left is deleted, too.
    """
    job = attempt.job
    for fence in range(1, job.fence):
        files.remove(job.file_name(fence))
    name = job.file_name(job.fence)
    with files.storing(name) as target:
        fields = write(target)
    try:
        attempt.succeed(file=name, **fields)
    except ClaimLostError:
        files.remove(name)
        raise
