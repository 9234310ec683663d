"""The figures of a run's report, each with its n and interval. Light: numpy only."""

from __future__ import annotations

from typing import Any

from mlcore.evaluate.statistics import Figure, share_figure
from mlcore.stage_b.rows import SCHEMA
from mlcore.stage_b.tally import Confusion


def rate_figures(counts: Confusion) -> dict[str, Figure]:
    """Label match of all tickets, false release of the passed, false block of the failed."""
    return {
        "label_match": share_figure(counts.tp + counts.tn, counts.n),
        "false_release": share_figure(counts.fp, counts.tp + counts.fp),
        "false_block": share_figure(counts.fn, counts.tn + counts.fn),
    }


def run_report(
    counts: Confusion, tickets: int, *, candidates: int, well_formed: int, suspects: int
) -> dict[str, Any]:
    """The report of a run, of schema stage_b/1.

    `counts` are of the last epoch, `candidates` and of these `well_formed` of all epochs,
    `suspects` the tickets whose label is in doubt at the end.
    """
    lost = counts.none_pass + counts.none_fail
    figures = {
        **rate_figures(counts),
        "format_rate": share_figure(well_formed, candidates),
        "malformed": share_figure(lost, counts.n),
        "label_suspect": share_figure(suspects, tickets),
    }
    headline: dict[str, Any] = {
        name: {"value": f["value"], "unit": "share", "n": f["n"], "ci95": f["interval"]}
        for name, f in figures.items()
        if f["value"] is not None
    }
    return {
        "schema": SCHEMA,
        "headline": {"tickets": {"value": tickets, "unit": "tickets", "n": None}, **headline},
        "figures": figures,
        "confusion": {
            "tp": counts.tp,
            "fp": counts.fp,
            "tn": counts.tn,
            "fn": counts.fn,
            "no_verdict": lost,
        },
    }
