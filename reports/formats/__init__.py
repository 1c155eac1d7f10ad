"""The file formats: each module of this package that defines `FILE_FORMAT` is one. To add one, add a file."""

from reports.engine.file_format import FileFormat
from reports.engine.registry import Registry

DEFAULT = "csv"
"""The format of a report for which none was chosen."""

_registry: Registry[FileFormat] = Registry(__name__, constant="FILE_FORMAT")

all_formats = _registry.all
by_slug = _registry.by_slug
title_of = _registry.title_of
