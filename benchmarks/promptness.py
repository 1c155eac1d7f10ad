"""What has to be quick: how soon work stops, requests are answered and attempts given up, beside what allows for it.

The tests prove that each of these ends, whatever the machine does meanwhile; how soon is measured here. Each figure is
beside the pause, the time-out or the limit that the product has for it, or beside the same thing undisturbed, so that a
slow machine slows both. A report's figure stands for uploads and comparisons too: `jobs.running.run` stops them all.
"""

import logging
from collections.abc import Iterator

from benchmarks import (
    promptness_brokers,
    promptness_jobs,
    promptness_probes,
    promptness_programs,
    promptness_sending,
    promptness_workbooks,
)
from benchmarks.measuring import Measured


def figures() -> Iterator[Measured]:
    """Run all of them, one after the other in one database. The errors that they cause are kept out of the log."""
    logging.disable(logging.CRITICAL)
    try:
        yield from promptness_jobs.figures()
        yield from promptness_brokers.figures()
        yield from promptness_probes.figures()
        yield from promptness_sending.figures()
        yield from promptness_workbooks.figures()
        yield from promptness_programs.figures()
    finally:
        logging.disable(logging.NOTSET)
