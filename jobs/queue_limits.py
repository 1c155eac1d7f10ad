"""How many jobs may be queued for one person, token or account."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q

from jobs.locks import hold
from jobs.querysets import JobQuerySet
from jobs.states import State


class TooManyJobsError(Exception):
    """The queue is full; the message says for whom, how many jobs are waiting, and what to do."""


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """The most jobs that may be queued of those that match; 0 stands for no limit.

    `lock` names whose limit it is, `jobs` continues the sentence *Too many … are waiting*, and `end` is the verb for
    what people do with a job that they no longer want.
    """

    lock: str
    matching: Q
    most: int
    jobs: str
    end: str = "cancel"


def refuse_when_queue_is_full(jobs: JobQuerySet[Any], limits: Sequence[QueueLimit]) -> None:
    """Raise TooManyJobsError if as many of the jobs are queued as one of the limits allows.

    Exact despite concurrent orders: the locks are held until the transaction ends, which also saves the new job.
    """
    limits = [limit for limit in limits if limit.most]
    if not limits:
        return
    hold(*(limit.lock for limit in limits))
    matching = Q(*(limit.matching for limit in limits), _connector=Q.OR)
    queued = jobs.filter(matching, state=State.QUEUED).order_by()
    counts = queued.aggregate(
        **{f"of_limit_{place}": Count("pk", filter=limit.matching) for place, limit in enumerate(limits)}
    )
    for waiting, limit in zip(counts.values(), limits, strict=True):
        if waiting >= limit.most:
            raise TooManyJobsError(
                f"Too many {limit.jobs} are waiting: {waiting} (limit: {limit.most}). Try again when some have "
                f"finished, or {limit.end} some."
            )
