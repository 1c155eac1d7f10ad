"""An independent statement of what the reports must say, and random worlds to check them against."""

from tests.oracle.oracle import SLUGS, Oracle
from tests.oracle.worlds import Question, World, worlds

__all__ = ["SLUGS", "Oracle", "Question", "World", "worlds"]
