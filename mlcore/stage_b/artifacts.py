"""Writing and reading the files of a Stage-B run. Every line is checked both ways."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeVar

from pydantic import ValidationError

from mlcore.config.base import StrictModel
from mlcore.errors import DataError
from mlcore.stage_b import rows
from mlcore.stage_b.rows import SCHEMA

FILES: dict[str, type[StrictModel]] = {
    "trajectories.jsonl": rows.TrajectoryRow,
    "selections.jsonl": rows.SelectionRow,
    "failure_malformed.jsonl": rows.MalformedRow,
    "need_review_queue.jsonl": rows.NeedReviewRow,
    "metrics.jsonl": rows.MetricsRow,
    "group_report_delta.jsonl": rows.ReportDeltaRow,
    "group_report.jsonl": rows.ReportRow,
    "diagnostics.jsonl": rows.DiagnosisRow,
    "distill_chatml.jsonl": rows.DistillRow,
    "rule_candidates.jsonl": rows.RuleCandidateRow,
    "reflection.jsonl": rows.ReflectionRow,
    "hypothesis_events.jsonl": rows.HypothesisEventRow,
}
"""every file of lines and what a line is"""
META = "meta.json"
REPORT = "report.json"
"""the run's figures, for those who are given the folder alone: a gate, say"""
Row = TypeVar("Row", bound=StrictModel)


class Artifacts:
    """The folder of one run, open for writing; files of an earlier run of the name are replaced.

    Every append is flushed, so a run that dies leaves whole lines and at most one torn one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, IO[str]] = {}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            self._files[name] = (self.folder / name).open("w", encoding="utf-8")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            file.close()

    def add(self, name: str, lines: Iterable[StrictModel]) -> None:
        """Append lines to a file. What a line must be is what FILES says of it."""
        file = self._files[name]
        for line in lines:
            assert isinstance(line, FILES[name])
            file.write(line.model_dump_json() + "\n")
        file.flush()


def read_rows(folder: Path, name: str, model: type[Row]) -> Iterator[Row]:
    """Every line of a file of a run. A torn last line is passed over.

    Raises DataError naming file:line for a line that is not of this version.
    """
    assert FILES[name] is model
    path = folder / name
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", where=str(path)) from error
    # `splitlines` would also split at separators that a text may hold: JSON escapes \n alone.
    whole = text.split("\n")[:-1]
    for number, line in enumerate(whole, start=1):
        yield parse_row(line, model, f"{name}:{number}")


def parse_row(line: str | bytes, model: type[Row], where: str) -> Row:
    """A line of a file. Raises DataError naming `where`, file:line, for one that is not of this
    version."""
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DataError(
            f"{where}: {place}: {first['msg']}" if place else f"{where}: {first['msg']}",
            hint=f"Files of {SCHEMA} are read; meta.json names the version of a folder.",
            where=where,
        ) from error


def read_meta(folder: Path) -> dict[str, object]:
    """The folder's meta.json, which is written last. Raises DataError where it is missing, cannot
    be read, or names another version."""
    path = folder / META
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(
            f"{folder} has no {META}: the run that wrote it has not ended",
            hint="`run CONFIG --run-dir DIR --resume` ends a run that was stopped or killed.",
            where=str(path),
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"cannot read {path}: {error}", where=str(path)) from error
    found = value.get("schema") if isinstance(value, dict) else None
    if found != SCHEMA:
        raise DataError(
            f"{path} is of {found or 'no schema'}, and {SCHEMA} is read",
            hint="The version of the library that wrote a folder reads it.",
            where=str(path),
        )
    return dict(value)


def check_whole(folder: Path, names: Iterable[str]) -> None:
    """Raises DataError for a file that is not there or whose last line is torn."""
    for name in names:
        path = folder / name
        try:
            with path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - 1))
                torn = file.read(1) not in (b"", b"\n")
        except OSError as error:
            raise DataError(
                f"{name} cannot be read: {error.strerror}",
                hint=f"A folder of {SCHEMA} has {', '.join(FILES)}.",
                where=str(path),
            ) from error
        if torn:
            raise DataError(
                f"{name} is half-written: its last line does not end",
                hint="Copy the folder again, or end the run with --resume.",
                where=str(path),
            )
