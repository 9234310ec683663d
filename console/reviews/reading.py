"""Lines of the files of outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from django.utils.translation import gettext as _

from console.api.problems import ApiProblem
from console.catalog import blobs
from console.catalog.output_rows import LONGEST_LINE, as_object
from mlcore.errors import DataError

File = Mapping[str, Any]


def json_lines(files: Sequence[File], name: str) -> Iterator[dict[str, Any]]:
    """The objects of a file of an output; nothing when the output has no such file. Raises
    ApiProblem 422 that names the first line that is no object."""
    entry = next((f for f in files if PurePosixPath(f["path"]).name == name), None)
    if entry is None:
        return
    with blobs.open_blob(entry["sha256"]) as file:
        number = 0
        while raw := file.readline(LONGEST_LINE):
            number += 1
            where = f"{name}:{number}"
            try:
                yield as_object(raw, where)
            except DataError as error:
                words = {"place": where, "what": error.message}
                detail = _("%(place)s cannot be read: %(what)s") % words
                raise ApiProblem(422, "unreadable_output", detail) from error
