"""Files of lines in outputs, read strictly.

A line that is not what it must be stops the reading and is named: no row is lost in silence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TypeVar

from django.utils.translation import gettext as _

from console.api.problems import ApiProblem
from console.catalog import blobs
from console.catalog.models import Output
from console.catalog.queries import file_of
from mlcore.config.base import StrictModel
from mlcore.contract.image_list import IMAGE_LIST, ImageEntry, parse_image_entry
from mlcore.errors import DataError
from mlcore.stage_a.record import FILE as RECORDS
from mlcore.stage_a.record import StageARecord, parse_stage_a
from mlcore.stage_b.artifacts import META, parse_row
from mlcore.stage_b.rows import SCHEMA

LONGEST_LINE = 4 << 20
LONGEST_FILE = 64 << 20
"""bytes of a file that is one object"""
Row = TypeVar("Row", bound=StrictModel)
Line = TypeVar("Line")


class UnreadableOutputError(ApiProblem):
    """A file of an output is missing, cut off or of another version. `place` is the file, or
    file:line."""

    def __init__(self, output: Output, place: str, what: str) -> None:
        detail = _(
            "%(output)s cannot be read: %(place)s: %(what)s. Nothing of it was taken in. Run the "
            "job again; where its host has another version of the jobs, update that first."
        )
        words = {"output": output.ref, "place": place, "what": what.rstrip(".")}
        super().__init__(422, "unreadable_output", detail % words)


def numbered_lines(output: Output, name: str) -> Iterator[tuple[str, bytes]]:
    """(file:line, line) for every line of a file. Raises UnreadableOutputError where the output
    has no such file, or a line is too long."""
    with _opened(output, name) as file:
        number = 0
        while raw := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(raw) > LONGEST_LINE:
                raise UnreadableOutputError(output, f"{name}:{number}", _("the line is too long"))
            yield f"{name}:{number}", raw


def parsed_lines(output: Output, name: str, parse: Callable[[bytes, str], Line]) -> Iterator[Line]:
    """What `parse` makes of every line and its place; its DataError becomes an
    UnreadableOutputError."""
    for where, raw in numbered_lines(output, name):
        try:
            yield parse(raw, where)
        except DataError as error:
            raise _unlike(output, where, raw, error) from error


def rows_of(output: Output, name: str, model: type[Row]) -> Iterator[Row]:
    """Every line of a file of Stage-B. Raises UnreadableOutputError."""
    return parsed_lines(output, name, lambda raw, where: parse_row(raw, model, where))


def records_of(output: Output) -> Iterator[StageARecord]:
    """Every record of an output of Stage-A. Raises UnreadableOutputError."""
    seen: set[str] = set()

    def parse(raw: bytes, where: str) -> StageARecord:
        record = parse_stage_a(as_object(raw, where), where)
        if record.ticket_key in seen:
            raise DataError(f"the ticket {record.ticket_key} occurs twice", where=where)
        seen.add(record.ticket_key)
        return record

    return parsed_lines(output, RECORDS, parse)


def image_entries(output: Output) -> Iterator[ImageEntry]:
    """The images of an output that lists them, none of another. Raises UnreadableOutputError."""
    if file_of(output, IMAGE_LIST) is None:
        return iter(())
    return parsed_lines(output, IMAGE_LIST, parse_image_entry)


def objects_of(output: Output, name: str) -> Iterator[dict[str, Any]]:
    """The object of every line. Raises UnreadableOutputError."""
    return parsed_lines(output, name, as_object)


def as_object(raw: bytes, where: str) -> dict[str, Any]:
    """Raises DataError where the bytes are no JSON object."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DataError(f"not JSON: {error}", where=where) from error
    if not isinstance(value, dict):
        raise DataError("it is no object", where=where)
    return value


def object_of(output: Output, name: str) -> dict[str, Any]:
    """A file that is one object. Raises UnreadableOutputError."""
    with _opened(output, name) as file:
        raw = file.read(LONGEST_FILE + 1)
    if len(raw) > LONGEST_FILE:
        raise UnreadableOutputError(output, name, _("the file is too long"))
    try:
        return as_object(raw, name)
    except DataError as error:
        raise _unlike(output, name, raw, error) from error


def verdicts_meta(output: Output) -> dict[str, Any]:
    """meta.json of an output of Stage-B. Raises UnreadableOutputError where it is of another
    version than this console reads."""
    value = object_of(output, META)
    if value.get("schema") != SCHEMA:
        words = {"found": str(value.get("schema"))[:60], "wanted": SCHEMA}
        what = _("it is of %(found)s, and this console reads %(wanted)s") % words
        raise UnreadableOutputError(output, META, what)
    return value


def _opened(output: Output, name: str) -> BinaryIO:
    entry = file_of(output, name)
    if entry is None:
        raise UnreadableOutputError(output, name, _("there is no such file"))
    try:
        return blobs.open_blob(entry["sha256"])
    except blobs.BlobError as error:
        raise UnreadableOutputError(output, name, _("its bytes are not in the store")) from error


def _unlike(output: Output, where: str, raw: bytes, error: DataError) -> UnreadableOutputError:
    cut = not raw.rstrip().endswith(b"}")
    what = _("the line is cut off") if cut else error.message.removeprefix(f"{where}: ")
    return UnreadableOutputError(output, where, what)
