"""Reading datasets: lines, records, and the dataset folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mlcore.contract.image_list import ImageEntry, read_image_list
from mlcore.contract.records import Record, Where, parse_record
from mlcore.contract.spaces import in_pixels
from mlcore.errors import DataError, Problem

SCHEMA = "dataset/2"
SCHEMAS = ("dataset/1", SCHEMA)
"""what is read; dataset/1 has neither images.jsonl nor records_fingerprint, else it is the same"""
MANIFEST = "dataset.json"
MAX_LINE = 16 * 2**20
"""bytes of the longest line that is read"""
SHOWN_TEXT = 2000
"""characters that are kept of a rejected line"""


@dataclass(frozen=True)
class Line:
    """One line of a JSONL file: its record, or what is wrong with it. Numbers count from 1."""

    number: int
    text: str
    record: Record | None
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Dataset:
    """An opened dataset folder. `manifest` is its dataset.json."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.manifest["name"])

    @property
    def fingerprint(self) -> str:
        return str(self.manifest["fingerprint"])

    @property
    def splits(self) -> list[str]:
        return list(self.manifest["splits"])

    def split_file(self, name: str) -> Path:
        """The JSONL of a split or subset. Raises DataError when the dataset has no such split."""
        entry = self.manifest["splits"].get(name) or self.manifest.get("subsets", {}).get(name)
        if entry is None:
            raise DataError(
                f"the dataset {self.name} has no split {name!r}",
                hint=f"It has: {', '.join(self.splits)}.",
                where=str(self.folder),
            )
        return self.folder / str(entry["file"])

    def split(self, name: str) -> list[Record]:
        """Every record of a split in pixels, in file order.

        Raises DataError on a bad line, and where bins cannot be converted.
        """
        return [in_pixels(record) for record in read_records(self.split_file(name))]

    def images(self) -> Iterator[ImageEntry]:
        """The entries of images.jsonl. Raises DataError where there is none or a line is bad."""
        return read_image_list(self.folder)


def iter_lines(path: Path) -> Iterator[Line]:
    """Every line of a JSONL file, good or bad. Raises DataError when the file cannot be opened."""
    with open_lines(path) as file:
        for number, raw in enumerate(raw_lines(file), start=1):
            yield parse_line(path.name, number, raw)


def open_lines(path: Path) -> BinaryIO:
    """A JSONL file, open for reading. Raises DataError when it cannot be opened."""
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", where=str(path)) from error


def raw_lines(file: BinaryIO, size: int | None = None) -> Iterator[bytes]:
    """The lines from here on, or of the next `size` bytes.

    Of a line longer than MAX_LINE a little more than that many bytes are given; memory is never
    needed for the rest.
    """
    left = size
    while left is None or left > 0:
        raw = file.readline(MAX_LINE + 1)
        if not raw:
            return
        read = len(raw)
        end = raw
        while len(end) == MAX_LINE + 1 and not end.endswith(b"\n"):
            end = file.readline(MAX_LINE + 1)
            read += len(end)
        yield raw
        if left is not None:
            left -= read


def read_records(path: Path) -> Iterator[Record]:
    """Every record of a JSONL file in its own space. Raises DataError naming the first bad line."""
    for line in iter_lines(path):
        if line.record is None:
            first = line.problems[0]
            raise DataError(
                f"{path.name}:{line.number}: {first.path or 'record'}: {first.message}",
                hint="`python -m mlcore data validate FILE` lists every problem.",
                where=f"{path}:{line.number}",
            )
        yield line.record


def open_dataset(folder: Path) -> Dataset:
    """The dataset in a folder. Raises DataError when dataset.json is missing or not ours."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(
            f"{folder} is not a dataset: it has no {MANIFEST}", where=str(path)
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {error}", where=str(path)) from error
    if not isinstance(manifest, dict) or manifest.get("schema") not in SCHEMAS:
        raise DataError(f"{path} is not of schema {' or '.join(SCHEMAS)}", where=str(path))
    if not isinstance(manifest.get("splits"), dict):
        raise DataError(f"{path} names no splits", where=str(path))
    return Dataset(folder, manifest)


def parse_line(file: str, number: int, raw: bytes) -> Line:
    """The record of one line's bytes, or what is wrong with it."""
    where = Where(file, number)
    text, value = _decode(where, raw)
    if isinstance(value, Problem):
        return Line(number, text, None, (value,))
    parsed = parse_record(value, where)
    if isinstance(parsed, Record):
        return Line(number, text, parsed, ())
    return Line(number, text, None, tuple(parsed))


def iter_values(path: Path) -> Iterator[tuple[int, str, object]]:
    """Number, text and JSON value of every line; a line that is no JSON gives its problem as a
    tuple in place of the value. Raises DataError when the file cannot be opened."""
    with open_lines(path) as file:
        yield from values_in(file, path.name)


def values_in(file: BinaryIO, name: str) -> Iterator[tuple[int, str, object]]:
    """The same of an open file; `name` is what problems call it."""
    for number, raw in enumerate(raw_lines(file), start=1):
        text, value = _decode(Where(name, number), raw)
        yield number, text, (value,) if isinstance(value, Problem) else value


def _decode(where: Where, raw: bytes) -> tuple[str, object]:
    """The text and the JSON value of a line's bytes, or the problem in the value's place."""
    if len(raw) > MAX_LINE:
        shown = raw[:SHOWN_TEXT].decode("utf-8", errors="replace")
        return _broken(where, shown, "line.length", f"longer than {MAX_LINE:,} bytes")
    try:
        text = raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        shown = raw.decode("utf-8", errors="replace").rstrip("\r\n")
        return _broken(where, shown, "line.encoding", f"not UTF-8 at byte {error.start}")
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        return _broken(where, text, "line.json", "nested too deeply")
    except ValueError as error:
        return _broken(where, text, "line.json", f"not JSON: {error}")
    if "\\u" in text and not _is_text(value):
        return _broken(where, text, "line.encoding", "holds half of a surrogate pair")
    return text, value


def _is_text(value: object) -> bool:
    """Whether a decoded value can be written as UTF-8: JSON escapes may leave half characters."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _broken(where: Where, text: str, rule: str, message: str) -> tuple[str, Problem]:
    return text, Problem(where.file, where.line, 0, "", message, rule)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for i, key in enumerate(keys) if key in keys[:i])
        raise ValueError(f"the key {twice!r} occurs twice")
    return out


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
