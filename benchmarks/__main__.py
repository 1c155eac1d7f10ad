"""Run the benchmarks, all or those named (`python -m benchmarks api`); the exit status says whether all hold.

Of `reports`, which takes longest, each part can be had by itself: `reports-sessions`, `reports-click`, ...
"""

import subprocess
import sys

NAMES = ["lists", "api", "uploads", "reports", "promptness"]


def main() -> int:
    """Each in a process of its own, on a database of its own."""
    command = [sys.executable, "-m", "benchmarks.running"]
    return max(subprocess.run([*command, name], check=False).returncode for name in sys.argv[1:] or NAMES)


if __name__ == "__main__":
    sys.exit(main())
