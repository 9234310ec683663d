"""The files that an older config names, such as a prompt or its mixture, and where they are."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from mlcore.config.compose import Source, open_beside, open_recipe_only
from mlcore.errors import DataError


class Beside(Protocol):
    """What can be read of the files beside an older config."""

    def read(self, name: str) -> Source | None:
        """A file by the name that the config gives it, None where it is not here."""

    def records(self, name: str) -> int | None:
        """How many lines of a file are not empty, None where it is not here."""

    def parent(self, name: str, child: str) -> Source:
        """A file named by `extends` in the file `child`. Raises OSError where it is not here."""


class Folder:
    """Files below the config's folder, else below the working folder."""

    def __init__(self, folder: Path) -> None:
        self._places = (folder, Path())

    def read(self, name: str) -> Source | None:
        """The first place that has it counts. Raises DataError where it is no UTF-8 text."""
        file = self._file(name)
        if file is None:
            return None
        try:
            return Source(str(file), file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"cannot read {file}: {error}", where=str(file)) from error

    def records(self, name: str) -> int | None:
        """Counted without holding the file."""
        file = self._file(name)
        if file is None:
            return None
        with file.open("rb") as lines:
            return sum(1 for line in lines if line.strip())

    def parent(self, name: str, child: str) -> Source:
        """Relative to the child."""
        return open_beside(name, child)

    def _file(self, name: str) -> Path | None:
        return next((f for place in self._places if (f := place / name).is_file()), None)


class Sent:
    """Texts that came with the config, by the names that it gives them; no disk is looked at."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = {posixpath.normpath(name): text for name, text in texts.items()}

    def read(self, name: str) -> Source | None:
        """Names are compared without `./` and `..` where these say nothing."""
        path = posixpath.normpath(name)
        return Source(path, self._texts[path]) if path in self._texts else None

    def records(self, name: str) -> int | None:
        """Counted in the text."""
        file = self.read(name)
        return None if file is None else sum(1 for line in io.StringIO(file.text) if line.strip())

    def parent(self, name: str, child: str) -> Source:
        """Relative to the child; recipes are those that are shipped."""
        if name.startswith("recipe:"):
            return open_recipe_only(name, child)
        found = self.read(posixpath.join(posixpath.dirname(child), name))
        if found is None:
            raise OSError("it was not sent along")
        return found
