"""One check on its way through the files of a dataset: what must be known across lines.

Two passes, each over pieces of work that go to processes and come back in order. The first goes
over the lines with the headers of their images; the second reads every image of the lines that
are left. Between them the lines wait in a temporary file.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Literal, TextIO

from mlcore.contract.checking import (
    Chunk,
    Content,
    ImageReader,
    LineChecker,
    Row,
    plan_chunks,
)
from mlcore.contract.fingerprint import Fingerprint
from mlcore.contract.image_list import ImageEntry
from mlcore.contract.pictures import Fault
from mlcore.contract.problem_log import ProblemLog
from mlcore.contract.reader import SHOWN_TEXT
from mlcore.contract.workers import ordered_map, usable_workers
from mlcore.errors import Problem

Images = Literal["headers", "full"]
Progress = Callable[[str, int, int], None]
"""called with what is counted ("lines" or "images"), how many are done and how many there are;
may raise to stop"""
ALONE = 4
"""chunks up to which starting processes costs more than it saves"""
BATCH = 32
"""records whose images one piece of work reads"""


@dataclass(frozen=True)
class CheckOptions:
    """How to check. `workers` None means as many as are useful; `max_pixels` None means no cap."""

    images: Images = "full"
    workers: int | None = None
    max_pixels: int | None = None


@dataclass
class Check:
    """What a check found. A record with any problem is rejected as a whole.

    `problems` holds the first of them, `by_rule` counts all. `fingerprint` covers the valid
    records and their images, `records_fingerprint` the records alone; where images are not read
    there is only the latter. `differences` counts problems that reject no record: content that is
    not what dataset.json or images.jsonl says.
    """

    images: Images = "full"
    lines: int = 0
    rejected: int = 0
    differences: int = 0
    problems: list[Problem] = field(default_factory=list)
    by_rule: dict[str, int] = field(default_factory=dict)
    splits: dict[str, dict[str, int]] = field(default_factory=dict)
    classes: dict[str, dict[str, int]] = field(default_factory=dict)
    spaces: set[str] = field(default_factory=set)
    fingerprint: str = ""
    records_fingerprint: str = ""

    @property
    def valid(self) -> int:
        return self.lines - self.rejected

    @property
    def reject_share(self) -> float:
        """Rejected lines over all lines; 1 for a file without lines."""
        return self.rejected / self.lines if self.lines else 1.0


@dataclass(frozen=True)
class CheckInput:
    """What is checked: files by split, their images below `root`, and what images.jsonl lists."""

    root: Path
    files: Mapping[str, Path]
    listed: Mapping[str, ImageEntry] | None = None


class CheckRun:
    """Goes through the files once. `keep` is given each valid record's split and line."""

    def __init__(
        self,
        given: CheckInput,
        options: CheckOptions,
        log: ProblemLog,
        progress: Progress | None = None,
        keep: Callable[[str, str], object] | None = None,
    ) -> None:
        self._given = given
        self._files = list(given.files.items())
        self._options = options
        self._log = log
        self._progress = progress
        self._keep = keep
        splits = {name: {"records": 0, "valid": 0} for name in given.files}
        self._result = Check(options.images, splits=splits)
        self._fingerprint = Fingerprint()
        self._ids: dict[bytes, tuple[int, int]] = {}
        self._pictures: dict[bytes, tuple[int, int]] = {}
        self._objects: Counter[str] = Counter()
        self._images_with: Counter[str] = Counter()

    def all(self) -> Check:
        """Do both passes, or the first alone where only headers are asked for."""
        chunks = [c for i, (_, path) in enumerate(self._files) for c in plan_chunks(path, i)]
        workers = self._options.workers
        if workers is None:
            workers = 1 if len(chunks) <= ALONE else usable_workers()
        result = self._result
        with tempfile.TemporaryFile("w+", encoding="utf-8", prefix="gatehouse-") as spool:
            self._all_lines(chunks, workers, spool)
            if self._options.images == "full":
                self._log.next_pass()
                spool.seek(0)
                self._all_images(spool, workers)
                result.fingerprint = self._fingerprint.hexdigest()
        result.records_fingerprint = self._fingerprint.records_hexdigest()
        result.classes = {
            name: {"objects": n, "images": self._images_with[name]}
            for name, n in sorted(self._objects.items())
        }
        return result

    def _all_lines(self, chunks: Sequence[Chunk], workers: int, spool: TextIO) -> None:
        total = sum(chunk.lines for chunk in chunks)
        work = LineChecker(self._given.root, self._options.max_pixels)
        for chunk, rows in zip(chunks, ordered_map(work, chunks, workers), strict=True):
            for row in rows:
                self._line(chunk.place, row, spool)
            self._tell("lines", self._result.lines, total)

    def _line(self, place: int, row: Row, spool: TextIO) -> None:
        self._result.lines += 1
        self._result.splits[self._files[place][0]]["records"] += 1
        problems = [*self._repeated_id(place, row), *row.problems]
        if problems:
            self._reject(place, row, problems)
            return
        self._ids[_key(row.id)] = (place, row.number)
        if self._options.images == "headers":
            self._accept(place, row, [])
        else:
            spool.write(json.dumps([place, *astuple(row)], ensure_ascii=False) + "\n")

    def _repeated_id(self, place: int, row: Row) -> Iterator[Problem]:
        first = self._ids.get(_key(row.id)) if row.id else None
        if first is not None:
            message = f"{row.id!r} was used at {self._where(*first)}"
            yield self._problem(place, row, "id", Fault("record.duplicate_id", message))

    def _all_images(self, spool: TextIO, workers: int) -> None:
        total, done = self._result.valid, 0
        waiting: deque[list[tuple[int, Row]]] = deque()

        def pieces() -> Iterator[list[tuple[str, ...]]]:
            while batch := [_row(text) for text in islice(spool, BATCH)]:
                waiting.append(batch)
                yield [row.images for _, row in batch]

        for contents in ordered_map(ImageReader(self._given.root), pieces(), workers):
            batch = waiting.popleft()
            for (place, row), found in zip(batch, contents, strict=True):
                self._images(place, row, found)
            done += len(batch)
            self._tell("images", done, total)

    def _images(self, place: int, row: Row, found: Sequence[Content]) -> None:
        problems = []
        for i, (path, content) in enumerate(zip(row.images, found, strict=True)):
            fault = content.fault or self._leak(place, row, content)
            if fault is not None:
                named = Fault(fault.rule, f"{path}: {fault.message}")
                problems.append(self._problem(place, row, f"images[{i}]", named))
        if problems:
            self._reject(place, row, problems)
        else:
            self._accept(place, row, found)

    def _leak(self, place: int, row: Row, content: Content) -> Fault | None:
        if len(self._files) == 1:
            return None
        key = bytes.fromhex(content.sha256)[:16]
        known = self._pictures.setdefault(key, (place, row.number))
        if known[0] == place:
            return None
        split = self._files[known[0]][0]
        return Fault("image.leak", f"is also in the split {split}, at {self._where(*known)}")

    def _accept(self, place: int, row: Row, found: Sequence[Content]) -> None:
        split = self._files[place][0]
        self._result.splits[split]["valid"] += 1
        self._result.spaces.add(row.space)
        self._objects.update(row.classes)
        self._images_with.update(set(row.classes))
        if found:
            self._fingerprint.add(split, row.line, [content.sha256 for content in found])
        else:
            self._fingerprint.add_line(split, row.line)
        if self._keep is not None:
            self._keep(split, row.line)
        if self._given.listed is not None:
            self._compare(place, row, found, self._given.listed)

    def _compare(
        self, place: int, row: Row, found: Sequence[Content], listed: Mapping[str, ImageEntry]
    ) -> None:
        for i, path in enumerate(row.images):
            entry = listed.get(path)
            if entry is None:
                message = f"{path} is not listed"
            elif (entry.width, entry.height) != row.size:
                size = f"{row.size[0]} x {row.size[1]}"
                message = f"{path} is {size}, not {entry.width} x {entry.height}"
            elif found and found[i].sha256 != entry.sha256:
                message = f"{path} has SHA-256 {found[i].sha256[:16]}…, not {entry.sha256[:16]}…"
            else:
                continue
            self._result.differences += 1
            problem = self._problem(place, row, f"images[{i}]", Fault("image.changed", message))
            self._log.add(place, problem, row.line[:SHOWN_TEXT])

    def _reject(self, place: int, row: Row, problems: Sequence[Problem]) -> None:
        self._result.rejected += 1
        for problem in problems:
            self._log.add(place, problem, row.line[:SHOWN_TEXT])

    def _problem(self, place: int, row: Row, path: str, fault: Fault) -> Problem:
        file = self._files[place][1].name
        return Problem(file, row.number, 0, path, fault.message, fault.rule)

    def _where(self, place: int, number: int) -> str:
        return f"{self._files[place][1].name}:{number}"

    def _tell(self, what: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(what, done, total)


def _key(identity: str | None) -> bytes:
    """16 bytes that stand for an id, so that memory per line does not depend on its length."""
    return blake2b((identity or "").encode(), digest_size=16).digest()


def _row(text: str) -> tuple[int, Row]:
    place, number, line, _problems, identity, images, size, space, classes = json.loads(text)
    row = Row(number, line, (), identity, tuple(images), tuple(size), space, tuple(classes))
    return place, row
