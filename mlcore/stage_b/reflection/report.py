"""What a run has learnt, in its report."""

from __future__ import annotations

from typing import Any

from mlcore.stage_b.reflection.learner import Reflection


def with_reflection(report: dict[str, Any], learner: Reflection) -> dict[str, Any]:
    """The run's report with counts of what reflection did; stages are of the last epoch."""
    hypotheses: dict[str, int] = {}
    for one in learner.pool.to_json().values():
        hypotheses[one["status"]] = hypotheses.get(one["status"], 0) + 1
    changes = {"value": learner.changes, "unit": "changes", "n": learner.cycle}
    return {
        **report,
        "headline": {**report["headline"], "guidance_changes": changes},
        "reflection": {
            "reflections": learner.cycle,
            "calls": learner.calls,
            "guidance_changes": learner.changes,
            "tickets": learner.counts,
            "hypotheses": dict(sorted(hypotheses.items())),
        },
    }
