"""Checking datasets: every line, every geometry, every image. Rules: `mlcore.contract.rules`.

The first pass goes over text, geometry and image headers: each file is there, upright, of 8 bits
and of its record's size. The second reads every image: its SHA-256, and whether it is complete.
What is found, in which order, and the fingerprints do not depend on the number of processes.
Memory holds one chunk per process and a few bytes for every id and every image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from mlcore.contract.check_run import (
    Check,
    CheckInput,
    CheckOptions,
    CheckRun,
    Progress,
)
from mlcore.contract.image_list import IMAGE_LIST, ImageEntry, read_image_list
from mlcore.contract.problem_log import KEPT, ProblemLog, problem_of, rejects_file
from mlcore.contract.reader import Dataset, parse_line
from mlcore.contract.records import Record
from mlcore.contract.spaces import in_pixels
from mlcore.contract.verify import differences
from mlcore.errors import DataError

DEFAULTS = CheckOptions()
Sink = Callable[[Mapping[str, Any]], object]
"""takes {file, line, path, rule, message, record} of every problem, by file and line"""


@dataclass
class Validation(Check):
    """A check with the valid records of each split, in pixels."""

    records: dict[str, list[Record]] = field(default_factory=dict)


def validate_file(
    path: Path,
    root: Path | None = None,
    options: CheckOptions = DEFAULTS,
    *,
    sink: Sink | None = None,
    progress: Progress | None = None,
) -> Check:
    """Check one JSONL file; its images lie relative to `root`, by default the file's folder.

    The fingerprint is that of a dataset whose only split is the file's stem. `sink` gets every
    problem at the end. Raises DataError when the file cannot be opened.
    """
    given = CheckInput(path.parent if root is None else root, {path.stem: path})
    with ProblemLog() as log:
        result = CheckRun(given, options, log, progress).all()
        return _told(result, log, sink)


def validate_dataset(
    dataset: Dataset,
    options: CheckOptions = DEFAULTS,
    *,
    sink: Sink | None = None,
    progress: Progress | None = None,
) -> Check:
    """Check every split, and the images against images.jsonl where the folder has one.

    Raises DataError when a split's file or images.jsonl cannot be read.
    """
    with ProblemLog() as log:
        result = CheckRun(_input(dataset), options, log, progress).all()
        return _told(result, log, sink)


def verify_dataset(
    dataset: Dataset,
    options: CheckOptions = DEFAULTS,
    *,
    sink: Sink | None = None,
    progress: Progress | None = None,
) -> Check:
    """As `validate_dataset`, and hold dataset.json and images.jsonl to what is there.

    Whatever differs is a problem that rejects no record; `differences` counts them.
    """
    given = _input(dataset)
    with ProblemLog() as log:
        result = CheckRun(given, options, log, progress).all()
        log.next_pass()
        for problem in differences(dataset, result, given.listed):
            result.differences += 1
            log.add(len(given.files), problem, "")
        return _told(result, log, sink)


def require_valid(
    dataset: Dataset,
    max_reject_share: float = 0.01,
    *,
    rejects: Path | None = None,
    progress: Progress | None = None,
    options: CheckOptions = DEFAULTS,
) -> Validation:
    """Stop before work starts on bad data.

    Returns the check with the valid records by split, in pixels. `rejects` is a file for the
    rejected lines. Raises DataError when more than `max_reject_share` of all lines are rejected,
    when a split has no valid record, when an image is not the one that images.jsonl lists, or
    when the content is not what dataset.json's fingerprint names although every line is valid.
    """
    records: dict[str, list[Record]] = {split: [] for split in dataset.splits}

    def keep(split: str, line: str) -> None:
        record = parse_line(split, 0, line.encode()).record
        assert record is not None
        records[split].append(in_pixels(record))

    with ProblemLog() as log:
        result = CheckRun(_input(dataset), options, log, progress, keep).all()
        with rejects_file(rejects) as sink:
            _told(result, log, sink)
    _hold_to_share(dataset, result, max_reject_share)
    for split, kept in records.items():
        if not kept:
            raise DataError(f"the split {split!r} of {dataset.name} has no valid record")
    _hold_to_fingerprint(dataset, result)
    return Validation(**vars(result), records=records)


def _input(dataset: Dataset) -> CheckInput:
    listed: dict[str, ImageEntry] | None = None
    if (dataset.folder / IMAGE_LIST).exists():
        listed = {entry.path: entry for entry in read_image_list(dataset.folder)}
    files = {split: dataset.split_file(split) for split in dataset.splits}
    return CheckInput(dataset.folder, files, listed)


def _told(result: Check, log: ProblemLog, sink: Sink | None) -> Check:
    result.by_rule = dict(log.by_rule.most_common())
    result.problems = [problem_of(row) for row in islice(log.rows(), KEPT)]
    if sink is not None:
        for row in log.rows():
            sink(row)
    return result


def _hold_to_share(dataset: Dataset, result: Check, max_reject_share: float) -> None:
    if not result.lines:
        raise DataError(
            f"the dataset {dataset.name} has no records",
            hint="Import data into it, or name another one.",
            where=str(dataset.folder),
        )
    if result.reject_share <= max_reject_share:
        return
    first = result.problems[0] if result.problems else None
    counts = ", ".join(f"{rule} {n}" for rule, n in result.by_rule.items())
    raise DataError(
        f"{result.rejected} of {result.lines} records of {dataset.name} are rejected"
        f" ({result.reject_share:.1%}; allowed {max_reject_share:.1%})",
        hint=f"First: {first}. By rule: {counts}.",
        where=f"{first.file}:{first.line}" if first else str(dataset.folder),
    )


def _hold_to_fingerprint(dataset: Dataset, result: Check) -> None:
    changed = next((p for p in result.problems if p.rule == "image.changed"), None)
    whole = result.images == "headers" or result.fingerprint == dataset.fingerprint
    if not result.differences and (result.rejected or whole):
        return
    detail = f": {changed.file}:{changed.line}: {changed.message}" if changed else ""
    raise DataError(
        f"the content of {dataset.name} is not what its fingerprint names{detail}",
        hint="A line or an image was changed after the dataset was written; import it anew. "
        "`python -m mlcore data validate FOLDER` names what differs.",
        where=str(dataset.folder),
    )
