"""What a person's decisions have changed: labels, datasets, rules with their effect, verdicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from console.accounts.models import Project, User
from console.catalog.output_rows import objects_of
from console.guidance import queries
from console.guidance.effects import Effects
from console.guidance.models import CorrectedRecords, GuidanceVersion, Suggestion
from console.reviews.exporting import guidance_of
from console.reviews.models import Review
from console.reviews.states import COUNTED, FINAL, Kind
from console.verdicts.models import VerdictSet, VerdictTicket
from mlcore.evaluate.statistics import share_figure

CORRECTIONS = "corrections.jsonl"
SHOWN_VERSIONS, SHOWN_RECORDS = 50, 20
BATCH = 500


def reviews_of(person: User, project: Project) -> dict[str, Review]:
    """The person's newest counted decision of each ticket by key, checks left out."""
    rows = Review.objects.filter(
        item__project=project, reviewer=person, active=True, role__in=COUNTED
    ).exclude(item__kind=Kind.GOLD)
    rows = rows.select_related("item").defer("item__images", "item__summaries", "item__evidence")
    return {review.item.ticket_key: review for review in rows.order_by("id")}


def changed_by(
    person: User, project: Project, hidden: Collection[str] = frozenset()
) -> dict[str, Any]:
    """Everything that the page of a person shows. `hidden` are keys of tickets whose verdict nobody
    may tell them: they may come again, blind."""
    said = reviews_of(person, project)
    settled = [r for r in said.values() if r.item.state in FINAL and r.item.outcome]
    agreed = [r for r in settled if r.decision == r.item.outcome]
    corrected = [
        r
        for r in reversed(agreed)
        if r.item.label and r.item.outcome in ("pass", "fail") and r.item.outcome != r.item.label
    ]
    drafts = [
        {"draft": draft, "n": n}
        for draft in Suggestion.objects.filter(project=project)
        if (n := len(said.keys() & set(draft.evidence)))
    ]
    items = {r.item_id for r in agreed}
    records = CorrectedRecords.objects.filter(project=project).select_related("output")
    return {
        "decisions": len(said),
        "settled": len(settled),
        "agreed": len(agreed),
        "corrected": [r for r in corrected if r.item.ticket_key not in hidden],
        "again": judged_again(project, [r for key, r in said.items() if key not in hidden]),
        "standing": standing(project, said),
        "lines": guidance_lines(project, said),
        "drafts": drafts,
        "exported": sum(bool(r.item.consumed_by) for r in said.values()),
        "records": [
            {"records": row, "n": n}
            for row in records[:SHOWN_RECORDS]
            if (n := _corrections(row, items))
        ],
    }


def standing(project: Project, said: Iterable[str]) -> list[dict[str, Any]]:
    """The guidance in force of each mission that has lines from these tickets, with how many."""
    keys = set(said)
    out = []
    for version in queries.current_versions(project).order_by("guidance__mission"):
        lines = sum(bool(sources & keys) for sources in _sources(version))
        if lines:
            mission = version.guidance.mission
            out.append({"mission": mission, "number": version.number, "lines": lines})
    return out


def guidance_lines(project: Project, said: Mapping[str, Review]) -> list[dict[str, Any]]:
    """Changes of guidance that name the person's tickets, newest first, each with its effect."""
    rows = GuidanceVersion.objects.filter(guidance__project=project)
    rows = rows.select_related("guidance", "parent").order_by("-id")[:SHOWN_VERSIONS]
    effects = Effects(project)
    return [
        {
            "version": version,
            "key": change["key"],
            "text": change["after"] or change["before"],
            "removed": not change["after"],
            "tickets": tickets,
            "effect": version.effects.get(change["key"]),
            "version_effect": effects.of(version),
        }
        for version in rows
        for change in version.changes
        if (tickets := sorted(said.keys() & set(change["evidence"])))
    ]


def judged_again(project: Project, said: Iterable[Review]) -> list[dict[str, Any]]:
    """By mission, what the newest run that was started after a decision says of the person's
    tickets: how many it judged, how many have the person's verdict now and had it before.

    A ticket is found by its key, else as the only one of its group: a corrected label is part of
    the key.
    """
    mine: dict[str, list[Review]] = defaultdict(list)
    for review in said:
        if review.decision in ("pass", "fail"):
            mine[review.item.mission].append(review)
    out = []
    for mission, reviews in sorted(mine.items()):
        rows = VerdictSet.objects.filter(project=project, mission=mission)
        newest = (
            rows.filter(run__ended__isnull=False)
            .select_related("run")
            .order_by("-run__created", "-id")
            .first()
        )
        if newest is None:
            continue
        earlier = [r for r in reviews if r.created < newest.run.created]
        found = [(r, now) for r, now in _now(newest, earlier) if now is not None]
        if found:
            out.append(_again(newest, reviews, found))
    return out


def _again(
    newest: VerdictSet, reviews: Sequence[Review], found: Sequence[tuple[Review, VerdictTicket]]
) -> dict[str, Any]:
    same = [(r, now) for r, now in found if now.verdict == r.decision]
    before = sum(r.item.model_verdict == r.decision for r, _ in found)
    rows = [
        {"review": r, "before": r.item.model_verdict, "now": now}
        for r, now in found
        if now.verdict != r.decision or r.item.model_verdict != r.decision
    ]
    rows.sort(key=lambda row: row["now"].verdict == row["review"].decision)
    return {
        "mission": newest.mission,
        "run": newest.run,
        "guidance": guidance_of(newest.run) or "",
        "now": share_figure(len(same), len(found)),
        "before": share_figure(before, len(found)),
        "not_judged": len(reviews) - len(found),
        "rows": rows,
    }


def _now(
    verdicts: VerdictSet, reviews: Sequence[Review]
) -> list[tuple[Review, VerdictTicket | None]]:
    groups = sorted({review.item.group_id for review in reviews})
    by_key: dict[str, VerdictTicket] = {}
    by_group: dict[str, list[VerdictTicket]] = defaultdict(list)
    for start in range(0, len(groups), BATCH):
        rows = VerdictTicket.objects.filter(
            verdicts=verdicts, group_id__in=groups[start : start + BATCH]
        )
        for row in rows.defer("detail"):
            by_key[row.ticket_key] = row
            by_group[row.group_id].append(row)
    out = []
    for review in reviews:
        alone = by_group[review.item.group_id]
        other = alone[0] if len(alone) == 1 else None
        out.append((review, by_key.get(review.item.ticket_key, other)))
    return out


def _sources(version: GuidanceVersion) -> list[set[str]]:
    """The tickets behind each text of a version."""
    return [set(row.get("sources", ())) for row in version.entry.get("metadata", {}).values()]


def _corrections(row: CorrectedRecords, items: set[int]) -> int:
    return sum(line["item"] in items for line in objects_of(row.output, CORRECTIONS))
