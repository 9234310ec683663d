"""What reflection of a run tried, took and refused, for showing beside the guidance it made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.catalog.models import Output
from console.catalog.output_rows import objects_of
from console.catalog.queries import file_of

FILE = "reflection.jsonl"
SHOWN = 40


def reflections_of(verdicts: Output | None) -> dict[str, Any] | None:
    """{n, applied, operations, refused, rows}: counts of all reflections of a run, and the newest
    of them. None for a run that did not reflect."""
    if verdicts is None or file_of(verdicts, FILE) is None:
        return None
    rows = [_row(line) for line in objects_of(verdicts, FILE)]
    if not rows:
        return None
    tried = [one for row in rows for one in (*row["operations"], *row["hypotheses"])]
    return {
        "n": len(rows),
        "applied": sum(row["applied"] for row in rows),
        "tried": len(tried),
        "refused": sum(bool(one["refused"]) for one in tried),
        "rows": rows[::-1][:SHOWN],
    }


def _row(line: Mapping[str, Any]) -> dict[str, Any]:
    found = line["reflection"]
    proposal = found["proposal"]
    return {
        "id": found["reflection_id"],
        "epoch": line["epoch"],
        "applied": bool(found["applied"]),
        "eligible": bool(found["eligible"]),
        "why_not": found["ineligible_reason"] or "",
        "text": proposal["text"],
        "note": proposal["uncertainty_note"],
        "before": found["guidance_step_before"],
        "after": found["guidance_step_after"],
        "operations": [_operation(one) for one in proposal["operations"]],
        "hypotheses": proposal["hypotheses"],
        "to_people": len(proposal["no_evidence_group_ids"]),
        "warnings": found["warnings"],
    }


def _operation(one: Mapping[str, Any]) -> dict[str, Any]:
    return {**one, "n": len(one["evidence"])}
