"""Copies PostgreSQL's programs for an account that cannot reach the originals."""

import os
import shutil
from contextlib import suppress
from pathlib import Path


def copy_programs(programs: Path, copied: Path) -> None:
    """Copy the folder of the programs and the files that they load, in the same relative places, readable by everyone.

    The loaded files are `lib` and `share` beside that folder and, for a wheel, the folder `*.libs` beside the package.
    `copied` is a path `.../PACKAGE/INSTALLATION/bin`; the folder above PACKAGE is replaced.
    """
    installation, copy = programs.parent, copied.parent
    top = copy.parent.parent
    if top.exists():
        shutil.rmtree(top)
    copied.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        _link_or_copy(programs / name, copied / name)
    for name in ("lib", "share"):
        if (installation / name).is_dir():
            shutil.copytree(installation / name, copy / name, copy_function=_link_or_copy)
    libraries = installation.parent.with_suffix(".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, top / libraries.name, copy_function=_link_or_copy)
    for folder in (top, *(path for path in top.rglob("*") if path.is_dir())):
        folder.chmod(0o755)


def _link_or_copy(source: str | Path, target: str | Path) -> None:
    """Hard-link a file that everyone may read, which is free; copy it if it must be opened up or is on another disk."""
    mode = Path(source).stat().st_mode | 0o444 | (0o111 if os.access(source, os.X_OK) else 0)
    if mode == Path(source).stat().st_mode:
        with suppress(OSError):
            os.link(source, target)
            return
    shutil.copyfile(source, target)
    Path(target).chmod(mode)
