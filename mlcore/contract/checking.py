"""What the workers of a check do: lines and image headers first, then whole images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from mlcore.contract.desc import class_of
from mlcore.contract.pictures import (
    Fault,
    Header,
    content_fault,
    header_faults,
    header_of,
    read_image,
)
from mlcore.contract.reader import SHOWN_TEXT, Line, open_lines, parse_line, raw_lines
from mlcore.contract.records import Record, record_line
from mlcore.errors import Problem

CHUNK_BYTES = 256 * 1024
KEPT_IMAGES = 4096
"""images whose result a worker remembers, for records that share one"""


@dataclass(frozen=True)
class Chunk:
    """Whole lines of a file: `size` bytes from `start`, the first of them `first_line`."""

    place: int
    path: Path
    start: int
    size: int
    first_line: int
    lines: int


@dataclass(frozen=True)
class Row:
    """One line as checked. `line` is its canonical text; of a rejected one, its own, cut."""

    number: int
    line: str
    problems: tuple[Problem, ...] = ()
    id: str | None = None
    images: tuple[str, ...] = ()
    size: tuple[int, int] = (0, 0)
    space: str = ""
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Content:
    """An image as read: its SHA-256 and size in bytes, or what is wrong with it."""

    sha256: str = ""
    size: int = 0
    fault: Fault | None = None


def plan_chunks(path: Path, place: int) -> Iterator[Chunk]:
    """The chunks of a file, each of whole lines. `place` numbers the file in its dataset."""
    start, first_line = 0, 1
    with open_lines(path) as file:
        size = lines = 0
        while block := file.read(CHUNK_BYTES):
            last = block.rfind(b"\n")
            if last < 0:
                size += len(block)
                continue
            size += last + 1
            lines += block.count(b"\n")
            yield Chunk(place, path, start, size, first_line, lines)
            start, first_line = start + size, first_line + lines
            size, lines = len(block) - last - 1, 0
        if size:
            yield Chunk(place, path, start, size, first_line, 1)


@dataclass
class LineChecker:
    """Checks the lines of a chunk with the headers of their images, which lie below `root`."""

    root: Path
    max_pixels: int | None = None
    _headers: dict[str, Header | Fault] = field(default_factory=dict)

    def __call__(self, chunk: Chunk) -> list[Row]:
        """A row for each line."""
        name = chunk.path.name
        with open_lines(chunk.path) as file:
            file.seek(chunk.start)
            lines = enumerate(raw_lines(file, chunk.size), start=chunk.first_line)
            return [self._row(name, parse_line(name, number, raw)) for number, raw in lines]

    def _row(self, file: str, line: Line) -> Row:
        record = line.record
        if record is None:
            return Row(line.number, line.text[:SHOWN_TEXT], line.problems)
        problems = tuple(
            Problem(file, line.number, 0, path, message, rule)
            for path, rule, message in self._faults(record)
        )
        row = Row(line.number, record_line(record), problems, record.id)
        if problems:
            return replace(row, line=line.text[:SHOWN_TEXT])
        return replace(
            row,
            images=record.images,
            size=(record.width, record.height),
            space=record.coord_space,
            classes=tuple(_class_of(o.desc) for o in record.objects),
        )

    def _faults(self, record: Record) -> Iterator[tuple[str, str, str]]:
        cap = self.max_pixels
        if cap is not None and record.width * record.height > cap:
            size = f"{record.width} x {record.height}"
            yield "width", "record.pixels", f"{size} are more than {cap:,} pixels"
            cap = None
        for i, path in enumerate(record.images):
            header = self._header(path)
            faults = (
                [header]
                if isinstance(header, Fault)
                else header_faults(header, record.width, record.height, cap)
            )
            for fault in faults:
                yield f"images[{i}]", fault.rule, f"{path}: {fault.message}"

    def _header(self, path: str) -> Header | Fault:
        if path not in self._headers:
            if len(self._headers) >= KEPT_IMAGES:
                self._headers.clear()
            self._headers[path] = header_of(self.root, path)
        return self._headers[path]


_class_of = lru_cache(maxsize=4096)(class_of)


@dataclass
class ImageReader:
    """Reads images below `root` whole: their hashes, and whether their data is complete."""

    root: Path
    _known: dict[str, Content] = field(default_factory=dict)

    def __call__(self, rows: Sequence[tuple[str, ...]]) -> list[list[Content]]:
        """For each row of paths, their contents."""
        return [[self._content(path) for path in paths] for paths in rows]

    def _content(self, path: str) -> Content:
        if path not in self._known:
            if len(self._known) >= KEPT_IMAGES:
                self._known.clear()
            self._known[path] = self._read(path)
        return self._known[path]

    def _read(self, path: str) -> Content:
        data = read_image(self.root, path)
        if isinstance(data, Fault):
            return Content(fault=data)
        broken = content_fault(data)
        return Content(hashlib.sha256(data).hexdigest(), len(data), broken)
