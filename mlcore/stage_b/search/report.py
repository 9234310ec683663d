"""What a search has shown, on tickets that it never looked at."""

from __future__ import annotations

from typing import Any

from mlcore.stage_b.figures import rate_figures
from mlcore.stage_b.search.gate import Comparison
from mlcore.stage_b.search.loop import Searched
from mlcore.stage_b.tally import Confusion


def with_search(report: dict[str, Any], searched: Searched) -> dict[str, Any]:
    """The run's report with what the search did: figures of the untouched part, before and after,
    each with its n and interval, and the paired test of the change."""
    found = searched.report
    before, after = _figures(found.before), _figures(found.after)
    rules = sum(row.applied and row.verb != "delete" for row in searched.rows)
    headline = {
        **report["headline"],
        "rules_accepted": {"value": rules, "unit": "rules", "n": len(searched.rows)},
    }
    for word, figures in (("before", before), ("after", after)):
        figure = figures["false_release"]
        if figure["value"] is not None:
            headline[f"false_release_{word}"] = {
                "value": figure["value"],
                "unit": "share",
                "n": figure["n"],
                "ci95": figure["interval"],
            }
    return {
        **report,
        "headline": headline,
        "search": {
            "iterations": searched.iterations,
            "tried": len(searched.rows),
            "rules_accepted": rules,
            "untouched": {"before": before, "after": after, "paired": _paired(found)},
        },
    }


def _figures(counts: Confusion) -> dict[str, Any]:
    return {**rate_figures(counts), "passed": counts.tp + counts.fp}


def _paired(found: Comparison) -> dict[str, Any]:
    return {
        "n": found.flips.n,
        "better": found.flips.better,
        "worse": found.flips.worse,
        "changed": found.changed,
        "p": found.p,
    }
