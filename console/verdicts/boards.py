"""Figures of runs for the dashboard: values with n and interval, alarms, guidance churn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from console.accounts.models import Project
from console.guidance.models import GuidanceVersion
from console.runs.models import Run
from console.verdicts.models import VerdictSet
from mlcore.evaluate.statistics import share_figure
from mlcore.stage_b.figures import rate_figures
from mlcore.stage_b.tally import Confusion

LIMITS = {"malformed": 0.05, "review": 0.5}
"""share of a run's tickets above which something is wrong: of those without a verdict, and of those
that need a person, where most of the work is nobody's but people's"""
NAMES = ("label_match", "false_release", "false_block")
BASES: dict[str, tuple[str | Promise, str | Promise]] = {
    "all": (_("label on record"), _("every ticket, held against the label on record")),
    "kept": (
        _("without those in people's hands"),
        _("without tickets whose label is in doubt and those without a verdict"),
    ),
    "truth": (
        _("with people's decisions"),
        _("every ticket, held against what people decided where they did, else the label"),
    ),
    "unreviewed": (
        _("without reviewed tickets"),
        _("only tickets that nobody has decided, held against the label on record"),
    ),
}
"""which tickets, held against what"""
CHURN_DAYS = 7
NEWEST_SETS = 60


def row_of(verdicts: VerdictSet) -> dict[str, Any]:
    """One run with its figures, each with n and interval; without those with people's decisions
    where they are not counted yet."""
    counts = {**verdicts.figures, **verdicts.people}
    figures = {base: rate_figures(Confusion(**counts[base])) for base in BASES if base in counts}
    return {
        "run": verdicts.run,
        "uid": verdicts.run.uid,
        "name": verdicts.run.name,
        "ended": verdicts.run.ended,
        "tickets": verdicts.tickets,
        "figures": figures,
        "bases": [
            {"name": base, "title": title, "about": about, "figures": figures.get(base)}
            for base, (title, about) in BASES.items()
        ],
        "reviewed": counts.get("reviewed"),
        "malformed": share_figure(verdicts.malformed, verdicts.tickets),
        "doubted": share_figure(verdicts.doubted, verdicts.tickets),
        "format_rate": share_figure(verdicts.well_formed, verdicts.candidates),
        "rules_changed": verdicts.rules_changed,
        "alarms": alarms(verdicts),
    }


def rate_rows(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each rate of two runs on the same tickets. `state` is better or worse where the 95 % interval
    of the change leaves 0 out; a rate that a run has no tickets for has none."""
    out = []
    for name in NAMES:
        change = figures["change"][name]
        low, high = change["interval"] or (0.0, 0.0)
        sure = low > 0 or high < 0
        rises = low > 0
        state = ("better" if rises == (name == "label_match") else "worse") if sure else "unproven"
        out.append(
            {
                "name": name,
                "before": figures["before"][name],
                "after": figures["after"][name],
                "change": change,
                "worsened": figures["worsened"][name],
                "state": state if change["value"] is not None else "",
            }
        )
    return out


def alarms(verdicts: VerdictSet) -> list[str]:
    """Codes of what is over its limit: `malformed`, `review`."""
    if not verdicts.tickets:
        return []
    counts = {"malformed": verdicts.malformed, "review": verdicts.doubted}
    return [code for code, n in counts.items() if n / verdicts.tickets > LIMITS[code]]


def alarm_rows(verdicts: VerdictSet) -> list[dict[str, Any]]:
    """The alarms of a run as pages show them: how much, the limit, the tickets."""
    counts = {"malformed": verdicts.malformed, "review": verdicts.doubted}
    return [
        {
            "code": code, "n": counts[code], "tickets": verdicts.tickets, "limit": LIMITS[code],
            "share": counts[code] / verdicts.tickets, "mission": verdicts.mission,
            "uid": verdicts.run.uid, "name": verdicts.run.name or verdicts.run.uid,
        }
        for code in alarms(verdicts)
    ]  # fmt: skip


def alarms_of_run(run: Run) -> list[dict[str, Any]]:
    """The alarms of a run's newest verdicts; none before they are indexed."""
    found = VerdictSet.objects.select_related("run").filter(run=run).order_by("-id").first()
    return alarm_rows(found) if found is not None else []


def standing_rows(project: Project) -> list[dict[str, Any]]:
    """The standing alarms of a project as pages show them."""
    rows = {row.pk: row for row, _code in standing(project)}
    return [alarm for row in rows.values() for alarm in alarm_rows(row)]


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
                if base in row["figures"]
                and (figure := row["figures"][base][name])["value"] is not None
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
