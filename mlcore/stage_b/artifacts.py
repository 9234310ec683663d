"""Writing and reading the files of a Stage-B run. Every line is checked both ways."""

from __future__ import annotations

import json
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
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        if not line.endswith("\n"):
            return
        try:
            yield model.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise DataError(
                f"{name}:{number}: {place}: {first['msg']}",
                hint=f"Files of {SCHEMA} are read; meta.json names the version of a folder.",
                where=f"{name}:{number}",
            ) from error


def read_meta(folder: Path) -> dict[str, object]:
    """The folder's meta.json. Raises DataError where it is missing or of another version."""
    path = folder / META
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {error}", where=str(path)) from error
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise DataError(f"{path} is not of {SCHEMA}", where=str(path))
    return value
