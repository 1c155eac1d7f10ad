"""The file formats: each module of this package that defines `FILE_FORMAT` is one. A new one is one new file."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from reports.file_format import FileFormat


@cache
def all_formats() -> tuple[FileFormat, ...]:
    """Every file format, in the order of their module names."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    return tuple(module.FILE_FORMAT for module in modules)


def by_slug(slug: str) -> FileFormat:
    """The file format with this slug; a KeyError when there is none."""
    return {file_format.slug: file_format for file_format in all_formats()}[slug]
