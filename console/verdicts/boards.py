"""Figures of runs for the dashboard: values with n and interval, alarms, guidance churn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from console.accounts.models import Project
from console.guidance.models import GuidanceVersion
from console.verdicts.models import VerdictSet
from mlcore.evaluate.statistics import Figure, share_figure
from mlcore.stage_b.tally import Confusion

ALARM = 0.5
"""share of malformed or doubted tickets above which something is wrong"""
NAMES = ("label_match", "false_release", "false_block")
BASES = ("all", "kept")
CHURN_DAYS = 7
NEWEST_SETS = 60


def shares(cells: Mapping[str, int]) -> dict[str, Figure]:
    """The three rates of counts. Label match is of all tickets, also those without a verdict."""
    found = Confusion(**cells)
    return {
        "label_match": share_figure(found.tp + found.tn, found.n),
        "false_release": share_figure(found.fp, found.tp + found.fp),
        "false_block": share_figure(found.fn, found.tn + found.fn),
    }


def row_of(verdicts: VerdictSet) -> dict[str, Any]:
    """One run with its figures, each with n and interval."""
    return {
        "run": verdicts.run,
        "uid": verdicts.run.uid,
        "name": verdicts.run.name,
        "ended": verdicts.run.ended,
        "tickets": verdicts.tickets,
        "figures": {base: shares(verdicts.figures[base]) for base in BASES},
        "malformed": share_figure(verdicts.malformed, verdicts.tickets),
        "doubted": share_figure(verdicts.doubted, verdicts.tickets),
        "format_rate": share_figure(verdicts.well_formed, verdicts.candidates),
        "rules_changed": verdicts.rules_changed,
        "alarms": alarms(verdicts),
    }


def alarms(verdicts: VerdictSet) -> list[str]:
    """Codes of what is over its limit: `malformed`, `review`."""
    if not verdicts.tickets:
        return []
    pairs = (("malformed", verdicts.malformed), ("review", verdicts.doubted))
    return [code for code, n in pairs if n / verdicts.tickets > ALARM]


def standing(project: Project) -> list[tuple[VerdictSet, str]]:
    """Alarms of the newest verdicts of every mission among the newest sets."""
    rows = VerdictSet.objects.filter(project=project, run__ended__isnull=False)
    newest: dict[str, VerdictSet] = {}
    for row in rows.select_related("run").order_by("-run__ended", "-id")[:NEWEST_SETS]:
        newest.setdefault(row.mission, row)
    return [(row, code) for row in newest.values() for code in alarms(row)]


def series(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The rates over time for the charts: per base and rate x, y, the interval's ends and n."""
    out: dict[str, Any] = {}
    for base in BASES:
        for name in NAMES:
            shown = [
                (row, figure)
                for row in rows
                if (figure := row["figures"][base][name])["value"] is not None
            ]
            out[f"{base}/{name}"] = {
                "x": [row["ended"].isoformat() for row, _ in shown],
                "y": [figure["value"] for _, figure in shown],
                "low": [figure["interval"][0] for _, figure in shown],
                "high": [figure["interval"][1] for _, figure in shown],
                "n": [figure["n"] for _, figure in shown],
                "run": [row["name"] or row["uid"] for row, _ in shown],
            }
    return out


def churn(project: Project, mission: str) -> dict[str, int]:
    """Changes of the mission's guidance in the last days: versions and texts that changed."""
    since = timezone.now() - timedelta(days=CHURN_DAYS)
    rows = GuidanceVersion.objects.filter(
        guidance__project=project,
        guidance__mission=mission,
        created__gte=since,
        parent__isnull=False,
    ).values_list("changes", flat=True)
    return {
        "days": CHURN_DAYS,
        "versions": len(rows),
        "texts": sum(len(changes) for changes in rows),
    }
