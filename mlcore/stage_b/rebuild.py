"""The reports of a run that has ended, made again from its files alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlcore.errors import ConfigError, DataError
from mlcore.run.folder import write_json
from mlcore.stage_b.artifacts import REPORT, check_whole, read_rows
from mlcore.stage_b.figures import run_report
from mlcore.stage_b.outcomes import read_outcomes
from mlcore.stage_b.reports import NEED_REVIEW, rebuilt_report
from mlcore.stage_b.rows import MetricsRow, ReportRow

GROUPS, SUMMARY = "group_report.jsonl", "summary.json"
SOURCES = ("trajectories.jsonl", "need_review_queue.jsonl", "reflection.jsonl")
"""what is read besides the outcomes"""


@dataclass(frozen=True)
class Rebuilt:
    """`rows` are group_report.jsonl, `summary` the run's figures and a row for each epoch. `other`
    names files of the folder that are missing or say something else."""

    rows: Sequence[ReportRow]
    summary: dict[str, Any]
    other: tuple[str, ...]

    def write(self, folder: Path) -> list[Path]:
        """Write both into a folder; returns their paths. Raises ConfigError where one is there."""
        paths = [folder / GROUPS, folder / SUMMARY]
        for path in paths:
            if path.exists():
                raise ConfigError(
                    f"{path} is there already",
                    hint="Name another folder as --out.",
                    where=str(path),
                )
        folder.mkdir(parents=True, exist_ok=True)
        lines = "".join(row.model_dump_json() + "\n" for row in self.rows)
        paths[0].write_text(lines, encoding="utf-8")
        write_json(paths[1], self.summary)
        return paths


def rebuild(folder: Path) -> Rebuilt:
    """Make the reports of a folder of verdicts again.

    Raises DataError where its version is unknown, a file is missing, half-written or of other
    lines, or the files do not add up.
    """
    outcomes = read_outcomes(folder)
    check_whole(folder, SOURCES)
    rows = list(rebuilt_report(folder))
    said = [candidate.format_ok for row in rows for candidate in row.candidates]
    if {row.ticket_key for row in rows} != set(outcomes.tickets):
        raise DataError(
            "trajectories.jsonl and selections.jsonl name different tickets",
            hint="Files of different runs, or lines that were lost.",
            where=str(folder / "trajectories.jsonl"),
        )
    report = run_report(
        outcomes.counts,
        len(outcomes.tickets),
        candidates=len(said),
        well_formed=sum(said),
        suspects=_suspects(folder),
    )
    summary = {
        **report,
        "mission": outcomes.mission,
        "epochs": [_epoch(row) for row in outcomes.epochs],
    }
    return Rebuilt(rows, summary, tuple(_other(folder, rows, report)))


def _suspects(folder: Path) -> int:
    value = _json(folder / NEED_REVIEW)
    items = value.get("items")
    if not isinstance(items, list) or value.get("n") != len(items):
        raise DataError(
            f"{NEED_REVIEW} does not hold as many items as it says", where=str(folder / NEED_REVIEW)
        )
    return len(items)


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"cannot read {path}: {error}", where=str(path)) from error
    if not isinstance(value, dict):
        raise DataError(f"{path} is no JSON object", where=str(path))
    return value


def _epoch(row: MetricsRow) -> dict[str, Any]:
    return {
        "epoch": row.epoch,
        "include_manual_review": row.include_manual_review.model_dump(),
        "exclude_manual_review": row.exclude_manual_review.model_dump(),
    }


def _other(folder: Path, rows: Sequence[ReportRow], report: dict[str, Any]) -> list[str]:
    other = []
    there = (folder / GROUPS).is_file()
    if not there or list(read_rows(folder, GROUPS, ReportRow)) != rows:
        other.append(GROUPS)
    said = _json(folder / REPORT) if (folder / REPORT).is_file() else {}
    if any(said.get(key) != report[key] for key in ("figures", "confusion")):
        other.append(REPORT)
    return other
