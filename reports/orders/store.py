"""Storing a job's file: first the file under the attempt's own name, then the job's success."""

from collections.abc import Callable
from typing import Any, BinaryIO

from jobs import files
from jobs.claims import ClaimLostError
from jobs.running import Attempt
from reports.models.file_jobs import FileJobT


def store(attempt: Attempt[FileJobT], write: Callable[[BinaryIO], dict[str, Any]]) -> None:
    """Store the file that `write` writes, and finish the job with the fields that it returns.

    The job succeeds only after the file is stored, and only if this attempt still holds it: a worker whose lease has
    expired deletes its own file and nothing else. Files that earlier attempts left behind are deleted too.
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
