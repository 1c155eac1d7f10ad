"""Plug-ins found by their files: report types and file formats."""

from functools import cached_property
from importlib import import_module
from pkgutil import iter_modules
from typing import Generic, Protocol, TypeVar


class Plugin(Protocol):
    """What a registry needs to know of a plug-in; a report type and a file format are both one."""

    @property
    def slug(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def place(self) -> int: ...


PluginT = TypeVar("PluginT", bound=Plugin)


class Registry(Generic[PluginT]):
    """The plug-ins of a package: each of its modules defines one, in a constant of the given name.

    A new file is a new plug-in; nothing else has to name it. The modules are imported on first use, not when the
    package is: a plug-in may import from its own package.
    """

    def __init__(self, package: str, constant: str) -> None:
        self._package = package
        self._constant = constant

    def all(self) -> tuple[PluginT, ...]:
        """Return every plug-in, in the order of lists: by place, then by title."""
        return tuple(self._by_slug.values())

    def by_slug(self, slug: str) -> PluginT:
        """Return the plug-in with this slug. Raises KeyError if there is none."""
        return self._by_slug[slug]

    def title_of(self, slug: str) -> str:
        """Return the title of the plug-in with this slug, or the slug itself if its file has been removed."""
        return self._by_slug[slug].title if slug in self._by_slug else slug

    @cached_property
    def _by_slug(self) -> dict[str, PluginT]:
        package = import_module(self._package)
        modules = [import_module(f"{self._package}.{module.name}") for module in iter_modules(package.__path__)]
        plugins: list[PluginT] = [getattr(module, self._constant) for module in modules]
        return {plugin.slug: plugin for plugin in sorted(plugins, key=lambda plugin: (plugin.place, plugin.title))}
