"""Files that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from mlcore.errors import InfrastructureError


@contextmanager
def written_aside(*paths: Path) -> Iterator[tuple[TextIO, ...]]:
    """UTF-8 text files beside `paths`, renamed to them at the end; after an error none is left.

    The last path appears last, so where it is there, so are the others. Raises
    InfrastructureError where a folder cannot be written.
    """
    parts = [path.with_name(f".{path.name}.part") for path in paths]
    try:
        with ExitStack() as stack:
            files = tuple(stack.enter_context(_opened(part)) for part in parts)
            yield files
        for part, path in zip(parts, paths, strict=True):
            part.replace(path)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def _opened(part: Path) -> TextIO:
    try:
        return part.open("w", encoding="utf-8")
    except OSError as error:
        raise InfrastructureError(f"cannot write in {part.parent}: {error.strerror}") from error
