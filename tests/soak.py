"""The long forms of the tests, over and over until the time is up: `make soak HOURS=1`.

A round holds the tests that are left out of the gate, every property with ten times as many examples, Schemathesis at
length, every race 200 times, and the faults several times. What is under way when the time is up is finished. New seeds
each time; hypothesis and Schemathesis print what repeats a failure.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Part:
    """A run of pytest: what of the tests, under which variables of the environment."""

    title: str
    words: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)

    def passes(self) -> bool:
        """Run it; whether every test passed."""
        command = [sys.executable, "-m", "pytest", "-n", "3", "-q", *self.words]
        return subprocess.run(command, env=os.environ | self.variables, check=False).returncode == 0


RACES = (
    "tests/faults",
    "tests/jobs",
    "tests/usage/test_locks.py",
    "tests/api/test_idempotency.py",
    "tests/api/test_waiting.py",
)
ROUND = (
    Part("what the gate leaves out", ("-m", "soak")),
    Part("properties", ("tests", "-m", "not processes and not soak"), {"HYPOTHESIS_PROFILE": "long"}),
    Part("the API, by Schemathesis", ("tests/api/test_schemathesis.py",), {"FUZZ_EXAMPLES": "60"}),
    Part("races, 200 times each", ("tests", "-m", "race"), {"RACE_ROUNDS": "200"}),
    *[Part("races and faults", RACES)] * 3,
    Part("the browser, with late scripts", ("tests/browser",), {"SCRIPT_DELAY_SECONDS": "0.8"}),
)


def main(hours: float) -> int:
    """Run rounds for a number of hours; the exit status says whether everything passed."""
    end = time.monotonic() + hours * 3600
    passed, failed = Counter[str](), Counter[str]()
    while time.monotonic() < end:
        for part in ROUND:
            if time.monotonic() >= end:
                break
            (passed if part.passes() else failed)[part.title] += 1
    for title in dict.fromkeys(part.title for part in ROUND):
        print(f"{title:<28} {passed[title]:4} runs passed, {failed[title]:4} failed")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
