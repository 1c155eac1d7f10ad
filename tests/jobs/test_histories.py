"""Whatever happens to a job, in any order: it has one holder at a time, at most three attempts, and one end."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.claims import Claim, ClaimLostError, Progress
from jobs.states import State
from reports.models import ReportJob
from tests.profiles import examples
from tests.report_jobs import expire_lease, make_job

RESULT = {"file": "reports/x.csv", "file_rows": 1, "file_bytes": 1, "file_sha256": "0"}
ACTIONS = ["claim", "claim", "expire", "sweep", "cancel", "renew", "succeed", "fail", "release unattempted", "release"]


class History:
    """A job, every claim that was ever made on it, and what it must look like."""

    def __init__(self) -> None:
        self.job = make_job()
        self.claims: list[Claim[ReportJob]] = []
        self.costly = 0  # attempts that count
        self.end: str | None = None

    def happen(self, action: str, which: int) -> None:
        """Apply one event. Events of workers come from any claim, even one lost long ago."""
        if action == "claim":
            if job := ReportJob.objects.claim(self.job.pk):
                self.claims.append(Claim.of(job))
                self.costly += 1
        elif action == "expire":
            expire_lease(self.job)
        elif action == "sweep":
            ReportJob.objects.release_abandoned()
            assert not ReportJob.objects.filter(state=State.QUEUED, attempt__gte=3).exists()
        elif action == "cancel":
            self.job.cancel()
        elif self.claims:
            self.happen_to_a_worker(action, self.claims[which % len(self.claims)])

    def happen_to_a_worker(self, action: str, claim: Claim[ReportJob]) -> None:
        held = claim.is_held()
        assert not held or claim is self.claims[-1]
        if action == "renew":
            assert claim.renew(Progress(1, 2)) == held
        elif action == "release unattempted":
            assert claim.release_unattempted() == held
            self.costly -= held
        elif action == "release":
            assert claim.release() == held
        elif held:
            claim.succeed(**RESULT) if action == "succeed" else claim.fail("It broke.")
        else:
            with pytest.raises(ClaimLostError):
                claim.fail("It broke.")

    def check(self) -> None:
        self.job.refresh_from_db()
        assert self.job.attempt == self.costly <= 3
        assert len({claim.fence for claim in self.claims}) == len(self.claims)
        assert sum(claim.is_held() for claim in self.claims) == (self.job.state == State.RUNNING)
        assert self.end in {None, self.job.state}
        self.end = self.job.state if self.job.is_finished else None


@pytest.mark.django_db
@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(events=st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 3)), min_size=5, max_size=25))
def test_every_history_of_a_job_keeps_to_its_rules(events: list[tuple[str, int]]) -> None:
    history = History()
    for action, which in events:
        history.happen(action, which)
        history.check()
