"""Whom a server runs as: PostgreSQL refuses root, so that as root it runs as `nobody`."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from config.embedded.errors import EmbeddedError


class SpawnOptions(TypedDict, total=False):
    """What `subprocess` needs to know to start a program as somebody else."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Owner:
    """The system's account that owns a server's process and files."""

    name: str
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid()

    @property
    def spawn_options(self) -> SpawnOptions:
        """Without `group` the program would keep root's group, without `extra_groups` root's further ones."""
        return {} if self.is_ours else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def owns(self, path: Path) -> bool:
        return path.lstat().st_uid == self.uid

    def give(self, path: Path) -> None:
        """Make the account the owner of a file or folder of ours."""
        if not self.is_ours:
            os.chown(path, self.uid, self.gid)

    def reaches(self, path: Path) -> bool:
        """Whether the account may enter a folder or run a program: the kernel answers, who knows access lists too."""
        if self.is_ours:
            return os.access(path, os.X_OK)
        question = ["/bin/sh", "-c", '[ -x "$1" ]', "sh", str(path)]
        return subprocess.run(question, cwd="/", check=False, **self.spawn_options).returncode == 0


def ourselves() -> Owner:
    """The account of this process."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        name = str(os.geteuid())
    return Owner(name=name, uid=os.geteuid(), gid=os.getegid())


def postgres_owner() -> Owner:
    """`nobody` when this process is root, otherwise oneself. No account is ever created."""
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
