"""Two runs on the same tickets: what a change of model, summaries or guidance did to the verdicts.

Light and deterministic: the same two folders give the same figures. Pass is the positive class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlcore.errors import DataError
from mlcore.evaluate.statistics import share_figure
from mlcore.stage_b.figures import rate_figures
from mlcore.stage_b.outcomes import Outcome, Outcomes
from mlcore.stage_b.search.paired import (
    Change,
    Flips,
    exact_p,
    flips,
    improvement_p,
    picked_change,
    regression_p,
    right_change,
)
from mlcore.stage_b.tally import confusion
from mlcore.stage_b.ticket import Verdict

SCHEMA = "verdict_comparison/1"


@dataclass(frozen=True)
class Pair:
    """One ticket in both runs. `truth` is what a verdict is held against."""

    ticket_key: str
    truth: Verdict
    before: Verdict | None
    after: Verdict | None


def compare(before: Outcomes, after: Outcomes) -> dict[str, Any]:
    """The paired comparison of two runs, of schema verdict_comparison/1.

    Tickets are paired by key, so also by label; those of one side alone are named. Raises DataError
    for two missions, for a run against itself, and where no ticket is in both.
    """
    if before.mission != after.mission:
        raise DataError(
            f"one run judged {before.mission}, the other {after.mission}",
            hint="Compare runs of one mission.",
            where=str(after.folder),
        )
    if before.folder.resolve() == after.folder.resolve():
        raise DataError("a run compared with itself proves nothing", where=str(after.folder))
    keys = sorted(before.tickets.keys() & after.tickets.keys())
    if not keys:
        raise DataError("the two runs have no ticket in common", where=str(after.folder))
    pairs = [_pair(before.tickets[key], after.tickets[key]) for key in keys]
    only = _only(before.tickets, after.tickets)
    union = len(keys) + len(only["before"]) + len(only["after"])
    return {
        "schema": SCHEMA,
        "mission": before.mission,
        "paired": share_figure(len(keys), union),
        "only": only,
        **paired_figures(pairs),
        "changed": [
            {"ticket_key": p.ticket_key, "label": p.truth, "before": p.before, "after": p.after}
            for p in pairs
            if p.before != p.after
        ],
    }


def paired_figures(pairs: Sequence[Pair]) -> dict[str, Any]:
    """What changed between the two sides of pairs.

    `before` and `after` are the rates with Wilson intervals, `change` is after - before with its
    95 % interval on the same tickets, `worsened` the one-sided 95 % upper bound of how much each
    rate got worse: label match by falling, the others by rising. `p` holds McNemar's exact tests,
    as figures over the tickets. A rate that has no tickets on a side has no value.
    """
    found = flips([p.before == p.truth for p in pairs], [p.after == p.truth for p in pairs])
    changes = {
        "label_match": right_change(found),
        "false_release": _picked(pairs, "pass"),
        "false_block": _picked(pairs, "fail"),
    }
    tests = {"two_sided": exact_p, "better": improvement_p, "worse": regression_p}
    return {
        "n": len(pairs),
        "before": rate_figures(confusion((p.before, p.truth) for p in pairs)),
        "after": rate_figures(confusion((p.after, p.truth) for p in pairs)),
        "change": {name: _figure(change) for name, change in changes.items()},
        "worsened": {name: _worsened(name, change) for name, change in changes.items()},
        "flips": _directions(pairs, found),
        "p": {name: {"value": test(found), "n": found.n} for name, test in tests.items()},
    }


def _pair(before: Outcome, after: Outcome) -> Pair:
    return Pair(after.ticket_key, after.label, before.verdict, after.verdict)


def _only(before: Mapping[str, Outcome], after: Mapping[str, Outcome]) -> dict[str, list[str]]:
    """Keys of one side alone, and groups that each side has under another label."""
    lost, new = sorted(before.keys() - after.keys()), sorted(after.keys() - before.keys())
    groups = {before[key].group_id for key in lost} & {after[key].group_id for key in new}
    return {"before": lost, "after": new, "relabelled": sorted(groups)}


def _picked(pairs: Sequence[Pair], verdict: Verdict) -> Change | None:
    return picked_change(
        (p.before == verdict, p.after == verdict, p.truth != verdict) for p in pairs
    )


def _figure(change: Change | None) -> dict[str, Any]:
    if change is None:
        return {"value": None, "n": 0, "interval": None}
    return {"value": change.value, "n": change.n, "interval": list(change.interval)}


def _worsened(name: str, change: Change | None) -> dict[str, Any]:
    if change is None:
        return {"value": None, "n": 0}
    bound = -change.lowest if name == "label_match" else change.highest
    return {"value": bound, "n": change.n}


def _directions(pairs: Sequence[Pair], found: Flips) -> dict[str, int]:
    """Verdicts that differ, by direction; `lost` and `gained` are of tickets that have a verdict on
    one side alone."""
    moves = [(p.before, p.after) for p in pairs if p.before != p.after]
    return {
        "n": len(moves),
        "to_label": found.better,
        "from_label": found.worse,
        "pass_to_fail": moves.count(("pass", "fail")),
        "fail_to_pass": moves.count(("fail", "pass")),
        "lost": sum(after is None for _, after in moves),
        "gained": sum(before is None for before, _ in moves),
    }
