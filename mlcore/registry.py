"""Things that are found by name: each one is written in one file, which registers it.

A registry knows the package in which its things lie and imports every module of it before the
first look-up, so adding a thing is adding a file. A file elsewhere registers once it is imported.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
from collections.abc import Callable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Registry(Generic[Thing]):
    """The things of one sort. `sort` names it in messages: `augmentation op`."""

    def __init__(self, sort: str, package: str) -> None:
        self.sort = sort
        self._package = package
        self._things: dict[str, Thing] = {}
        self._complete = False

    def register(self, name: str) -> Callable[[Thing], Thing]:
        """A decorator: `@register("hflip")`. Raises ValueError for a bad or a taken name."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name: small letters, digits and _, a letter first")

        def keep(thing: Thing) -> Thing:
            if name in self._things:
                raise ValueError(f"there already is a {self.sort} {name!r}")
            self._things[name] = thing
            return thing

        return keep

    def get(self, name: str) -> Thing:
        """The thing of a name. Raises ValueError with a did-you-mean where there is none."""
        self._import_all()
        if name not in self._things:
            raise ValueError(f"{name!r} is no {self.sort}{self._near(name)}")
        return self._things[name]

    def names(self) -> list[str]:
        """Every name, sorted."""
        self._import_all()
        return sorted(self._things)

    def _near(self, name: str) -> str:
        close = difflib.get_close_matches(name, self._things, n=1, cutoff=0.5)
        return f", did you mean '{close[0]}'?" if close else f"; one of {', '.join(self.names())}"

    def _import_all(self) -> None:
        if self._complete:
            return
        self._complete = True
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self._package}.{module.name}")
