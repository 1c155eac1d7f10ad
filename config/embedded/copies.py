"""A copy of PostgreSQL's programs, for an account that cannot reach the originals."""

import os
import shutil
from contextlib import suppress
from pathlib import Path


def copy_programs(programs: Path, copied: Path) -> None:
    """Copy the folder of the programs, and what they load to the same relative places; everyone may read the copy.

    That is `lib` and `share` beside that folder and, of a wheel, the folder `*.libs` beside the package. `copied` is a
    path `.../PACKAGE/INSTALLATION/bin`, of which everything from the folder above PACKAGE on is made anew.
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
    """A second name for a file that everyone may read costs neither time nor room; another file system needs a copy."""
    mode = Path(source).stat().st_mode | 0o444 | (0o111 if os.access(source, os.X_OK) else 0)
    if mode == Path(source).stat().st_mode:
        with suppress(OSError):
            os.link(source, target)
            return
    shutil.copyfile(source, target)
    Path(target).chmod(mode)
