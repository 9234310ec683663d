"""Checking datasets: every line, every geometry, every image. Rules: `mlcore.contract.rules`."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlcore.contract.pictures import Fault, image_faults, read_image
from mlcore.contract.reader import Dataset, iter_lines
from mlcore.contract.records import Record, record_line
from mlcore.contract.spaces import in_pixels
from mlcore.contract.writer import Fingerprint
from mlcore.errors import DataError, Problem

Progress = Callable[[int], None]
"""called after each line with the number of lines done; may raise to stop"""


@dataclass
class Validation:
    """What a check found. A record with any problem is rejected as a whole.

    `records` holds the valid ones by split; `fingerprint` covers exactly those.
    """

    lines: int = 0
    rejected: int = 0
    problems: list[Problem] = field(default_factory=list)
    records: dict[str, list[Record]] = field(default_factory=dict)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    fingerprint: str = ""

    @property
    def valid(self) -> int:
        return self.lines - self.rejected

    @property
    def reject_share(self) -> float:
        """Rejected lines over all lines; 1 for a file without lines."""
        return self.rejected / self.lines if self.lines else 1.0

    def by_rule(self) -> dict[str, int]:
        """Problems per rule id, most first."""
        return dict(Counter(p.rule for p in self.problems).most_common())

    def to_json(self) -> dict[str, Any]:
        return {
            "records": self.lines,
            "valid": self.valid,
            "rejected": self.rejected,
            "problems": [
                {
                    "file": p.file,
                    "line": p.line,
                    "path": p.path,
                    "rule": p.rule,
                    "message": p.message,
                }
                for p in self.problems
            ],
            "by_rule": self.by_rule(),
            "fingerprint": self.fingerprint,
        }


class _Checker:
    """Goes through the files of one dataset; knows the ids and pictures seen so far."""

    def __init__(self, root: Path, progress: Progress | None) -> None:
        self.root = root
        self.result = Validation()
        self._progress = progress
        self._fingerprint = Fingerprint()
        self._ids: dict[str, str] = {}
        self._picture_split: dict[str, tuple[str, str]] = {}

    def file(self, split: str, path: Path) -> None:
        kept = self.result.records.setdefault(split, [])
        for line in iter_lines(path):
            self.result.lines += 1
            problems = list(line.problems)
            place = f"{path.name}:{line.number}"
            hashes: list[str] = []
            if line.record is not None:
                problems += self._record(line.record, split, path.name, line.number, hashes)
            if line.record is not None and not problems:
                self._ids[line.record.id] = place
                kept.append(in_pixels(line.record))
                self._fingerprint.add(split, record_line(line.record), hashes)
            else:
                self._reject(place, line.text, problems)
            if self._progress is not None:
                self._progress(self.result.lines)
        self.result.fingerprint = self._fingerprint.hexdigest()

    def _record(
        self, record: Record, split: str, file: str, number: int, hashes: list[str]
    ) -> list[Problem]:
        problems = []
        if record.id in self._ids:
            message = f"{record.id!r} was used at {self._ids[record.id]}"
            problems.append(Problem(file, number, 0, "id", message, "record.duplicate_id"))
        for i, path in enumerate(record.images):
            data = read_image(self.root, path)
            if isinstance(data, Fault):
                faults = [data]
            else:
                faults = image_faults(data, record.width, record.height)
                digest = hashlib.sha256(data).hexdigest()
                hashes.append(digest)
                faults += self._leak(digest, split, f"{file}:{number}")
            problems += [
                Problem(file, number, 0, f"images[{i}]", f"{path}: {f.message}", f.rule)
                for f in faults
            ]
        return problems

    def _leak(self, digest: str, split: str, place: str) -> list[Fault]:
        known_split, known_place = self._picture_split.setdefault(digest, (split, place))
        if known_split == split:
            return []
        message = f"is also in the split {known_split}, at {known_place}"
        return [Fault("image.leak", message)]

    def _reject(self, place: str, text: str, problems: list[Problem]) -> None:
        self.result.rejected += 1
        self.result.problems += problems
        for problem in problems:
            row = {
                "file": problem.file,
                "line": problem.line,
                "path": problem.path,
                "rule": problem.rule,
                "message": problem.message,
                "record": text[:2000],
            }
            self.result.rejects.append(row)


def validate_file(path: Path, progress: Progress | None = None) -> Validation:
    """Check one JSONL file; its images lie relative to its folder.

    The fingerprint is that of a dataset whose only split is the file's stem.
    Raises DataError when the file cannot be opened.
    """
    checker = _Checker(path.parent, progress)
    checker.file(path.stem, path)
    return checker.result


def validate_dataset(dataset: Dataset, progress: Progress | None = None) -> Validation:
    """Check every split. Raises DataError when a split's file cannot be opened."""
    checker = _Checker(dataset.folder, progress)
    for split in dataset.splits:
        checker.file(split, dataset.split_file(split))
    return checker.result


def require_valid(
    dataset: Dataset,
    max_reject_share: float = 0.01,
    *,
    rejects: Path | None = None,
    progress: Progress | None = None,
) -> Validation:
    """Stop before work starts on bad data.

    Returns the check, whose `records` are the valid records by split. `rejects` is a file for
    the rejected lines. Raises DataError when more than `max_reject_share` of all lines are
    rejected, when a split has no valid record, or when the content is not what dataset.json's
    fingerprint names although every line is valid.
    """
    result = validate_dataset(dataset, progress)
    if rejects is not None:
        write_rejects(rejects, result)
    if result.reject_share > max_reject_share:
        first = result.problems[0] if result.problems else None
        raise DataError(
            f"{result.rejected} of {result.lines} records of {dataset.name} are rejected"
            f" ({result.reject_share:.1%}; allowed {max_reject_share:.1%})",
            hint=f"First: {first}. By rule: {_counts(result)}." if first else "It has no records.",
            where=f"{first.file}:{first.line}" if first else str(dataset.folder),
        )
    for split, records in result.records.items():
        if not records:
            raise DataError(f"the split {split!r} of {dataset.name} has no valid record")
    if not result.rejected and result.fingerprint != dataset.fingerprint:
        raise DataError(
            f"the content of {dataset.name} is not what its fingerprint names",
            hint="A line or an image was changed after the dataset was written; import it anew.",
            where=str(dataset.folder),
        )
    return result


def write_rejects(path: Path, result: Validation) -> None:
    """One JSON line per problem: {file, line, path, rule, message, record}."""
    with path.open("w", encoding="utf-8") as file:
        for row in result.rejects:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _counts(result: Validation) -> str:
    return ", ".join(f"{rule} {n}" for rule, n in result.by_rule().items())
