"""What people decided flows back: corrected records and drafts of rules."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from console.accounts import audit
from console.accounts.audit import Actor
from console.accounts.models import Project
from console.api.problems import ApiProblem
from console.catalog import blobs
from console.catalog.models import Output
from console.catalog.output_rows import records_of
from console.guidance.models import CorrectedRecords, Suggestion
from console.reviews.models import Review, ReviewItem
from console.reviews.policy import reasons_of
from console.reviews.states import COUNTED, FINAL, Kind
from console.runs.models import Run
from mlcore.run.hashing import FileEntry, tree_digest
from mlcore.stage_a.record import FILE as RECORDS

CORRECTIONS = "corrections.jsonl"
LEAST_TICKETS = 3
"""tickets with the same reason from which on it is worth a draft"""
TELL_NOTHING = frozenset({"other", "model_misread"})
"""reasons that state no condition"""
DRAFT = {"fail": "若{reason}，则判不通过。", "pass": "若{reason}，则判通过。"}
"""guidance is written in the language of the prompts"""


def settled_items(project: Project, mission: str = "") -> list[ReviewItem]:
    """Tickets that people have decided, checks left out, oldest decision first."""
    rows = ReviewItem.objects.filter(project=project, state__in=sorted(FINAL))
    rows = rows.exclude(kind=Kind.GOLD).defer("images", "summaries", "evidence")
    if mission:
        rows = rows.filter(mission=mission)
    return list(rows.order_by("settled", "id"))


def correct(actor: Actor, project: Project, run: Run) -> CorrectedRecords:
    """The summaries of a Stage-B run with the labels that people decided, as the mission's next
    version. Tickets that people found broken are left out.

    Raises ApiProblem 422 where the run was given no summaries, 409 where nothing differs.
    """
    mission = str(run.config_resolved.get("mission", ""))
    keys = [b["output"] for b in run.bindings if "output" in b]
    source = Output.objects.filter(project=project, pk__in=keys, type="summaries").first()
    if source is None or not mission:
        raise ApiProblem(422, "no_summaries", f"{run.uid} was given no summaries of this console.")
    outcomes = {item.ticket_key: item for item in settled_items(project)}
    lines, changes, left_out = _corrected_lines(source, outcomes)
    if not changes:
        raise ApiProblem(409, "nothing_changed", "No decision differs from the label on record.")
    files = {RECORDS: _jsonl(lines), CORRECTIONS: _jsonl(changes)}
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        output = _stored(project, files)
        rows = CorrectedRecords.objects.filter(project=project, mission=mission)
        same = rows.filter(output__digest=output.digest).first()
        if same is not None:
            raise ApiProblem(409, "nothing_changed", f"{same.ref} already holds these labels.")
        number = (rows.aggregate(n=Max("number"))["n"] or 0) + 1
        made = CorrectedRecords.objects.create(
            project=project,
            mission=mission,
            number=number,
            run_uid=run.uid,
            source=source,
            output=output,
            records=len(lines),
            corrected=len(changes) - left_out,
            left_out=left_out,
            author=actor.user,
        )
        detail = {"run": run.uid, "corrected": made.corrected, "left_out": left_out}
        audit.record(actor, "records.correct", made.ref, project=project, detail=detail)
    return made


def _corrected_lines(
    source: Output, outcomes: Mapping[str, ReviewItem]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """Records, what changed in them, and how many were left out."""
    lines: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []
    left_out = 0
    records = list(records_of(source))
    taken = {record.ticket_key for record in records}
    for record in records:
        label, key = record.label, record.ticket_key
        item = outcomes.get(key)
        word = item.outcome if item is not None else label
        # A ticket that is there under the other label as well would be one ticket twice.
        twin = word != label and f"{record.group_id}::{word}" in taken
        if item is None or word not in ("pass", "fail", "broken") or word == label:
            lines.append(record.to_json())
            continue
        gone = word == "broken" or twin
        left_out += gone
        changes.append(
            {
                "ticket_key": key,
                "was": label,
                "is": None if gone else word,
                "item": item.pk,
                "decided": item.settled.isoformat() if item.settled else None,
                "log": item.head,
            }
        )
        if not gone:
            lines.append({**record.to_json(), "label": word})
    return lines, changes, left_out


def gather(actor: Actor, project: Project, mission: str) -> int:
    """Drafts of rules from the reasons of decisions that the model got wrong; returns how many are
    open. One that a person has put aside or taken stays so."""
    items = {i.pk: i for i in settled_items(project, mission) if i.model_verdict != i.outcome}
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    rows = Review.objects.filter(item__in=list(items), active=True, role__in=COUNTED)
    for item, decision, reasons in rows.values_list("item_id", "decision", "reasons"):
        if decision == items[item].outcome and decision in DRAFT:
            for code in reasons:
                found[decision, str(code)].append(items[item].ticket_key)
    words = {str(r["code"]): str(r.get("label_zh") or r["label"]) for r in _reasons(project)}
    with transaction.atomic():
        for (verdict, code), keys in sorted(found.items()):
            evidence = list(dict.fromkeys(keys))
            if code in TELL_NOTHING or code not in words or len(evidence) < LEAST_TICKETS:
                continue
            draft, made = Suggestion.objects.get_or_create(
                project=project,
                mission=mission,
                verdict=verdict,
                reason=code,
                defaults={"text": DRAFT[verdict].format(reason=words[code]), "evidence": evidence},
            )
            if not made and draft.state == Suggestion.State.OPEN:
                draft.evidence, draft.updated = evidence, timezone.now()
                draft.save(update_fields=["evidence", "updated"])
        n = Suggestion.objects.filter(
            project=project, mission=mission, state=Suggestion.State.OPEN
        ).count()
        audit.record(actor, "suggestion.gather", mission, project=project, detail={"open": n})
    return n


def _reasons(project: Project) -> Sequence[Mapping[str, Any]]:
    return list(reasons_of(project).codes)


def _jsonl(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _stored(project: Project, files: Mapping[str, bytes]) -> Output:
    entries = []
    for path, data in sorted(files.items()):
        blob = blobs.put_bytes(data)
        entries.append(FileEntry(path, blob.sha256, len(data)))
    return Output.objects.create(
        project=project,
        name="summaries",
        type="summaries",
        digest=tree_digest(entries),
        bytes=sum(e.size for e in entries),
        files=[{"path": e.path, "sha256": e.sha256, "size": e.size} for e in entries],
    )
