"""The outcome of every ticket of a run that has ended, from its files alone. Light: no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlcore.errors import DataError
from mlcore.stage_b.artifacts import FILES, META, check_whole, read_meta, read_rows
from mlcore.stage_b.rows import MalformedRow, MetricsRow, SelectionRow, VerdictName
from mlcore.stage_b.tally import Confusion, confusion

IN_RUN = Path("artifacts") / "verdicts"
"""where a run folder has them"""
NEEDED = ("metrics.jsonl", "selections.jsonl", "failure_malformed.jsonl")


@dataclass(frozen=True)
class Outcome:
    """What a run says of one ticket in its last epoch; no verdict where it is malformed."""

    ticket_key: str
    group_id: str
    label: VerdictName
    verdict: VerdictName | None


@dataclass(frozen=True)
class Outcomes:
    """Every ticket of a run by key. `epochs` are the last rows of metrics.jsonl of each epoch."""

    folder: Path
    mission: str
    meta: Mapping[str, object]
    tickets: Mapping[str, Outcome]
    epochs: tuple[MetricsRow, ...]

    @property
    def counts(self) -> Confusion:
        return confusion((one.verdict, one.label) for one in self.tickets.values())


def verdicts_folder(path: Path) -> Path:
    """The folder of verdicts that a path means: itself, or that of a run folder. Raises DataError
    where it is neither."""
    if (path / IN_RUN).is_dir():
        return path / IN_RUN
    if any((path / name).is_file() for name in (META, *FILES)):
        return path
    raise DataError(
        f"{path} holds no verdicts",
        hint=f"Give a run folder that has {IN_RUN}, or that folder itself.",
        where=str(path),
    )


def read_outcomes(folder: Path) -> Outcomes:
    """The outcomes of a folder of verdicts.

    Raises DataError where its version is unknown, a file is missing or half-written, or the files
    do not add up: fewer tickets than meta.json names, or other counts than metrics.jsonl has.
    """
    meta = read_meta(folder)
    check_whole(folder, NEEDED)
    rows = read_rows(folder, "metrics.jsonl", MetricsRow)
    epochs = tuple(row for row in rows if row.event == "epoch_end")
    tickets: dict[str, Outcome] = {}
    last = epochs[-1].epoch if epochs else None
    for lost in read_rows(folder, "failure_malformed.jsonl", MalformedRow):
        tickets[lost.ticket_key] = Outcome(lost.ticket_key, lost.group_id, lost.gt_label, None)
    for row in read_rows(folder, "selections.jsonl", SelectionRow):
        if row.epoch == last:
            key, verdict = row.ticket_key, row.result.verdict
            tickets[key] = Outcome(key, row.group_id, row.gt_label, verdict)
    found = Outcomes(folder, str(meta.get("mission", "")), meta, tickets, epochs)
    _check_sums(found)
    return found


def _check_sums(found: Outcomes) -> None:
    if not found.epochs:
        raise DataError(
            "no epoch of metrics.jsonl has ended",
            hint="A run that began anew in this folder has not ended.",
            where=str(found.folder / "metrics.jsonl"),
        )
    stated, there = found.meta.get("tickets"), len(found.tickets)
    if there != stated:
        raise DataError(
            f"the files hold the outcome of {there} tickets, and {META} names {stated}",
            hint="A run that began anew in this folder has not ended, or lines are lost.",
            where=str(found.folder),
        )
    counts, rates = found.epochs[-1].include_manual_review, found.counts.rates()
    if counts != rates:
        raise DataError(
            f"selections.jsonl gives {rates.model_dump()} and metrics.jsonl {counts.model_dump()}",
            hint="Files of different runs, or lines that were lost or changed.",
            where=str(found.folder / "metrics.jsonl"),
        )
