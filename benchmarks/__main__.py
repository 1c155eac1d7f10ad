"""Run the benchmarks, all or those named (`python -m benchmarks api`); the exit status says whether all hold.

Each part of `reports`, which takes longest, can be run by itself: `reports-sessions`, `reports-click`, ... With
`--write`, figures also go into `docs/benchmarks.md`, except those of such parts.
"""

import subprocess
import sys

from benchmarks import document

NAMES = ["lists", "api", "uploads", "reports", "promptness"]
WRITE = "--write"


def main() -> int:
    """Run each benchmark in its own process, on its own database."""
    words = sys.argv[1:]
    names = [word for word in words if word != WRITE] or NAMES
    return max(run(name, is_written=WRITE in words and name in NAMES) for name in names)


def run(name: str, *, is_written: bool) -> int:
    """Run one benchmark, showing its output as it comes; return its exit status."""
    output: list[str] = []
    command = [sys.executable, "-m", "benchmarks.running", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            output.append(line.rstrip("\n"))
    if is_written:
        document.write(name, output)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
