"""Folders of verdicts of any outcome, written through the rows of the real artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlcore.run.folder import write_json
from mlcore.stage_b.artifacts import META, REPORT, Artifacts
from mlcore.stage_b.figures import run_report
from mlcore.stage_b.reports import NEED_REVIEW, need_review, rebuilt_report
from mlcore.stage_b.rows import (
    SCHEMA,
    DecodeRow,
    MalformedRow,
    MetricsRow,
    SelectionResult,
    SelectionRow,
    TrajectoryResult,
    TrajectoryRow,
)
from mlcore.stage_b.tally import confusion
from tests.support.tickets import MISSION

Said = Mapping[str, tuple[str, str | None]]
"""label and verdict by group"""


def write_verdicts(folder: Path, said: Said, mission: str = MISSION) -> Path:
    """A folder of one epoch in which these tickets were judged so; no verdict is a malformed
    ticket."""
    counts = confusion((verdict, label) for label, verdict in said.values())  # type: ignore[misc]
    whole = counts.rates()
    with Artifacts(folder) as files:
        for place, (group, (label, verdict)) in enumerate(said.items(), start=1):
            named: dict[str, Any] = {"group_id": group, "mission": mission, "gt_label": label}
            named["ticket_key"] = f"{group}::{label}"
            files.add("trajectories.jsonl", [_trajectory(named, verdict)])
            if verdict is None:
                row = MalformedRow(**named, reason="no_valid_candidate", raw_text="?")
                files.add("failure_malformed.jsonl", [row])
            else:
                files.add("selections.jsonl", [_selection(named, verdict, place)])
        window: dict[str, Any] = {"epoch": 1, "epoch_step_start": 1, "epoch_step_end": len(said)}
        end = MetricsRow(
            event="epoch_end",
            **window,
            global_step=len(said),
            logging_steps=64,
            include_manual_review=whole,
            exclude_manual_review=whole,
        )
        files.add("metrics.jsonl", [end])
        files.add("group_report.jsonl", rebuilt_report(folder))
    write_json(folder / NEED_REVIEW, need_review(mission, []))
    write_json(folder / META, {"schema": SCHEMA, "mission": mission, "tickets": len(said)})
    formed = sum(verdict is not None for _, verdict in said.values())
    report = run_report(counts, len(said), candidates=len(said), well_formed=formed, suspects=0)
    write_json(folder / REPORT, report)
    return folder


def many(**cells: int) -> dict[str, tuple[str, str | None]]:
    """Tickets by label and verdict: `pass_fail=3` are three labelled pass that were failed."""
    out: dict[str, tuple[str, str | None]] = {}
    for cell, n in cells.items():
        label, _, verdict = cell.partition("_")
        for number in range(n):
            out[f"{cell}{number:04}"] = (label, None if verdict == "none" else verdict)
    return out


def _trajectory(named: Mapping[str, Any], verdict: str | None) -> TrajectoryRow:
    result = TrajectoryResult(
        candidate_index=0,
        decode=DecodeRow(temperature=0.0, top_p=1.0, max_new_tokens=64, seed=0, stop=[]),
        text="",
        verdict=verdict,  # type: ignore[arg-type]
        reason=None if verdict is None else "螺丝",
        format_ok=verdict is not None,
        created_at="2026-01-01T00:00:00Z",
        warnings=[],
        label_match=verdict == named["gt_label"],
        vote_strength=1.0,
        low_agreement=False,
        needs_manual_review=False,
    )
    return TrajectoryRow(**named, reflection_cycle=0, guidance_step=1, result=result, epoch=1)


def _selection(named: Mapping[str, Any], verdict: str, place: int) -> SelectionRow:
    match = verdict == named["gt_label"]
    result = SelectionResult(
        verdict=verdict,  # type: ignore[arg-type]
        reason="螺丝",
        vote_strength=1.0,
        label_match=match,
        selected_candidate=0,
        guidance_step=1,
        reflection_change=None,
        reflection_cycle=0,
        manual_review_recommended=False,
        eligible=not match,
        ineligible_reason=None,
        warnings=[],
        conflict_flag=not match,
        needs_manual_review=False,
        low_agreement=False,
    )
    return SelectionRow(**named, result=result, epoch=1, epoch_step=place, global_step=place)
