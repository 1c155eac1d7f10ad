"""The accounts that servers run as. PostgreSQL refuses to run as root, and then runs as `nobody`."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from config.embedded.errors import EmbeddedError


class SpawnOptions(TypedDict, total=False):
    """Arguments with which `subprocess` starts a program as another account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Owner:
    """The system account that owns a server's process and files."""

    name: str
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid()

    @property
    def spawn_options(self) -> SpawnOptions:
        """The arguments for `subprocess`. Without `group` and `extra_groups`, the program would keep root's groups."""
        return {} if self.is_ours else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def owns(self, path: Path) -> bool:
        return path.lstat().st_uid == self.uid

    def give(self, path: Path) -> None:
        """Give the account a file or folder of ours."""
        if not self.is_ours:
            os.chown(path, self.uid, self.gid)

    def reaches(self, path: Path) -> bool:
        """Return whether the account may enter a folder or run a program. Asks the kernel, which knows access lists."""
        if self.is_ours:
            return os.access(path, os.X_OK)
        question = ["/bin/sh", "-c", '[ -x "$1" ]', "sh", str(path)]
        return subprocess.run(question, cwd="/", check=False, **self.spawn_options).returncode == 0


def ourselves() -> Owner:
    """Return the account of this process."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # in a container, the account may have no name
        name = str(os.geteuid())
    return Owner(name=name, uid=os.geteuid(), gid=os.getegid())


def postgres_owner() -> Owner:
    """Return `nobody` if this process is root, otherwise its own account. Never creates an account."""
    if os.geteuid() != 0:
        return ourselves()
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise EmbeddedError(
            "PostgreSQL does not run as root, and this system has no account 'nobody'. "
            "Run as an ordinary user, or set DATABASE_URL."
        ) from None
    return Owner(name="nobody", uid=nobody.pw_uid, gid=nobody.pw_gid)
