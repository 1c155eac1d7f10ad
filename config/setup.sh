#!/bin/sh
# Makes the environment in .venv as requirements.lock says. Does nothing when it is so already; whatever an interrupted
# run left behind, the next one completes, since the copy of the lock file that says "installed" is written last.
set -eu

installed=.venv/installed.lock
python=.venv/bin/python
uv=.venv/bin/uv

if [ -x "$python" ] && "$python" -c '' 2>/dev/null && cmp -s requirements.lock "$installed"; then
    exit 0
fi

say() { printf '%s\n' "$1" >&2; }

if ! version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); then
    say "There is no '$PYTHON' here. Tallydesk needs Python 3.11 or newer: install it, or name it with PYTHON=..."
    exit 1
fi
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    say "Tallydesk needs Python 3.11 or newer, and '$PYTHON' is Python $version. Name another one with PYTHON=..."
    exit 1
fi

say "Making the environment in .venv ..."
rm -f "$installed"
if ! "$python" -c '' 2>/dev/null || ! "$uv" --version >/dev/null 2>&1; then
    if ! "$PYTHON" -m venv --clear .venv; then
        say "'$PYTHON' cannot make an environment (on Debian and Ubuntu: apt-get install python3-venv)."
        exit 1
    fi
    # The lock file's own uv installs the rest: ten times as fast as pip.
    awk '/^uv==/ { on = 1 } on { print } on && !/\\$/ { exit }' requirements.lock >.venv/uv.lock
    if ! "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock; then
        say "uv could not be installed; what pip says about it stands above. Is the package index reachable?"
        exit 1
    fi
fi
# Compiled once here, or by each of the demo's processes at each start where Python is told to write no bytecode.
if ! "$uv" pip sync --quiet --compile-bytecode --python "$python" --require-hashes requirements.lock; then
    say "The packages of requirements.lock could not be installed; what uv says about it stands above."
    exit 1
fi
cp requirements.lock .venv/installed.new
mv .venv/installed.new "$installed"
