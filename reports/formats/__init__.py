"""The file formats: each module of this package that defines `FILE_FORMAT` is one. A new one is one new file."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from reports.engine.file_format import FileFormat

DEFAULT = "csv"
"""What a file is unless somebody chooses."""


@cache
def all_formats() -> tuple[FileFormat, ...]:
    """Every file format, in the order in which lists show them."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    formats: list[FileFormat] = [module.FILE_FORMAT for module in modules]
    return tuple(sorted(formats, key=lambda file_format: (file_format.place, file_format.title)))


def by_slug(slug: str) -> FileFormat:
    """The file format with this slug; a KeyError when there is none."""
    return {file_format.slug: file_format for file_format in all_formats()}[slug]


def title_of(slug: str) -> str:
    """The title of the file format with this slug; the slug itself when it is no longer known."""
    return next((file_format.title for file_format in all_formats() if file_format.slug == slug), slug)
