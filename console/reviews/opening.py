"""Tickets come into the queue: from outputs and events of runs, from bots, by hand."""
from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F
from django.utils import timezone

from console.accounts.audit import Actor
from console.accounts.models import Project
from console.api.problems import ApiProblem
from console.catalog.models import DatasetRecord
from console.reviews.models import ItemSource, Review, ReviewItem, ReviewPolicy
from console.reviews.policy import needed_reviews, policy_of
from console.reviews.scoring import set_score
from console.reviews.states import CLAIMABLE, COUNTED, FINAL, Kind, State
from console.reviews.transitions import Said, lock, move, open_many
from console.runs.models import Run

MANY = 200
"""new tickets at once that change what is worth knowing about the table"""
BLIND_KINDS = frozenset({Kind.DRIFT, Kind.GOLD})
"""kinds whose first reviewer must judge without the model's word"""
_CONTENT = (
    "group_id", "mission", "images", "summaries", "model_verdict", "model_reason", "margin",
    "warnings", "guidance_step", "label", "why_code", "why_text", "evidence",
)
_RESTS_ON = ("mission", "images", "summaries", "model_verdict", "label", "evidence")
"""what a person's decision rests on: the wording of the model's reason is not part of it"""


@dataclass(frozen=True)
class ItemRow:
    """One ticket for the queue; members as in `ReviewItem`."""

    ticket_key: str
    kind: str
    group_id: str = ""
    mission: str = ""
    images: Sequence[Mapping[str, Any]] = ()
    summaries: Sequence[str] = ()
    model_verdict: str = ""
    model_reason: str = ""
    margin: float | None = None
    warnings: Sequence[str] = ()
    guidance_step: int | None = None
    label: str = ""
    why_code: str = ""
    why_text: str = ""
    evidence: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    def content(self) -> dict[str, Any]:
        """What the ticket shows, as its row holds it."""
        out = {name: getattr(self, name) for name in _CONTENT}
        out["group_id"] = self.group_id or self.ticket_key.partition("::")[0]
        for name in ("images", "evidence"):
            out[name] = [dict(entry) for entry in out[name]]
        for name in ("summaries", "warnings"):
            out[name] = list(out[name])
        return out


@dataclass(frozen=True)
class Opened:
    """How many tickets a call opened, renewed in place, and knew already."""

    opened: int = 0
    changed: int = 0
    known: int = 0

    def __add__(self, other: Opened) -> Opened:
        return Opened(
            self.opened + other.opened, self.changed + other.changed, self.known + other.known
        )


def open_items(
    actor: Actor, project: Project, rows: Iterable[ItemRow], *, source: str,
    run: Run | None = None,
) -> Opened:
    """Put tickets into the queue. `source` is the digest of the output that they come from, or
    `run:UID` for events: the same source, ticket and kind again changes nothing.

    A ticket that comes again with other evidence while nobody has decided it is renewed in place
    (its version grows); a decided one opens anew. The same evidence is never asked twice.
    """
    unique = {(row.ticket_key, row.kind): row for row in rows}
    with transaction.atomic():
        # Two ingests of one project queue up: they would open the same ticket twice.
        Project.objects.filter(pk=project.pk).update(slug=F("slug"))
        known = _known(project, source, list(unique))
        fresh = [row for key, row in unique.items() if key not in known]
        policy = policy_of(project)
        slices = _settled_by_slice(project)
        earlier = _earlier(project, fresh)
        made: list[ReviewItem] = []
        changed = same = 0
        for row in fresh:
            before = earlier.get((row.ticket_key, row.kind))
            mark = fingerprint(row)
            if before is not None and before.fingerprint == mark:
                _attach(before, source)
                same += 1
            elif before is not None and _untouched(before):
                _renew(actor, before, row, mark, source, run)
                changed += 1
            else:
                made.append(_new_item(project, row, mark, policy, slices, source, run))
        open_many(made, actor, Said("opened", detail={"source": source}))
        ItemSource.objects.bulk_create([_source(item, source) for item in made])
        if len(made) >= MANY and connection.vendor == "postgresql":
            # The first claims come before the database has looked at what is new by itself.
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE reviews_reviewitem")
    return Opened(len(made), changed, len(known) + same)


def check_images(project: Project, rows: Sequence[ItemRow]) -> None:
    """Raises ApiProblem 422 unless every image is one of the project's datasets: a ticket must not
    show what belongs to another project to who happens to know its hash."""
    wanted = {str(i["sha256"]) for row in rows for i in row.images if i.get("sha256")}
    ours = DatasetRecord.objects.filter(version__dataset__project=project)
    hashes = sorted(wanted)
    for start in range(0, len(hashes), 500):
        part = ours.filter(image_sha__in=hashes[start : start + 500])
        wanted -= set(part.values_list("image_sha", flat=True))
    if wanted:
        raise ApiProblem(
            422, "missing_blobs", f"{len(wanted)} images are in no dataset of this project.",
            missing=sorted(wanted)[:100],
        )


def fingerprint(row: ItemRow) -> str:
    """SHA-256 over what a decision about the ticket rests on."""
    content = row.content()
    body: list[Any] = [content[name] for name in _RESTS_ON]
    body[1] = [[image.get("name"), image.get("sha256")] for image in content["images"]]
    text = json.dumps([row.ticket_key, row.kind, body], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _known(
    project: Project, source: str, keys: Sequence[tuple[str, str]]
) -> set[tuple[str, str]]:
    tickets = [ticket for ticket, _kind in keys]
    found: set[tuple[str, str]] = set()
    for start in range(0, len(tickets), 500):
        rows = ItemSource.objects.filter(
            project=project, source=source, ticket_key__in=tickets[start : start + 500]
        )
        found.update(rows.values_list("ticket_key", "kind"))
    return found & set(keys)


def _earlier(
    project: Project, rows: Sequence[ItemRow]
) -> dict[tuple[str, str], ReviewItem]:
    """The newest item of each ticket and kind, with its row locked."""
    tickets = [row.ticket_key for row in rows]
    newest: dict[tuple[str, str], int] = {}
    for start in range(0, len(tickets), 500):
        items = ReviewItem.objects.filter(
            project=project, ticket_key__in=tickets[start : start + 500]
        ).exclude(kind=Kind.GOLD).order_by("id")
        newest.update({(t, k): pk for t, k, pk in items.values_list("ticket_key", "kind", "pk")})
    keys = sorted(newest.values())
    found: dict[tuple[str, str], ReviewItem] = {}
    for start in range(0, len(keys), 500):
        rows_ = ReviewItem.objects.filter(pk__in=keys[start : start + 500]).order_by("pk")
        found.update({(item.ticket_key, item.kind): item for item in lock(rows_)})
    return found


def _untouched(item: ReviewItem) -> bool:
    """Nobody's decision about it counts: it is new, or on somebody's screen for the first time."""
    if item.state not in CLAIMABLE | {State.LEASED}:
        return False
    return not Review.objects.filter(item=item, active=True, role__in=COUNTED).exists()


def _renew(
    actor: Actor, item: ReviewItem, row: ItemRow, mark: str, source: str, run: Run | None
) -> None:
    content = row.content()
    differs = sorted(name for name in _CONTENT if getattr(item, name) != content[name])
    said = Said("changed", detail={"fields": differs, "source": source})
    values = {**content, "fingerprint": mark, "version": item.version + 1, "run": run}
    values["output_digest"] = "" if source.startswith("run:") else source
    move(item, item.state, actor, said, **values)
    _attach(item, source)


def _new_item(
    project: Project, row: ItemRow, mark: str, policy: ReviewPolicy,
    slices: Counter[tuple[str, str]], source: str, run: Run | None,
) -> ReviewItem:
    now = timezone.now()
    item = ReviewItem(
        project=project, kind=row.kind, ticket_key=row.ticket_key, run=run, fingerprint=mark,
        output_digest="" if source.startswith("run:") else source, created=now, updated=now,
        due=now + timedelta(hours=policy.due_hours), blind=row.kind in BLIND_KINDS,
        **row.content(),
    )
    item.needed = needed_reviews(policy, item)
    set_score(item, policy, slices[(item.mission, item.model_verdict)])
    return item


def _attach(item: ReviewItem, source: str) -> None:
    known = {"project": item.project, "source": source, "ticket_key": item.ticket_key}
    ItemSource.objects.get_or_create(**known, kind=item.kind, defaults={"item": item})


def _source(item: ReviewItem, source: str) -> ItemSource:
    return ItemSource(
        project=item.project, item=item, source=source, ticket_key=item.ticket_key, kind=item.kind
    )


def _settled_by_slice(project: Project) -> Counter[tuple[str, str]]:
    rows = ReviewItem.objects.filter(project=project, state__in=FINAL).exclude(kind=Kind.GOLD)
    counted = rows.values_list("mission", "model_verdict").order_by()
    return Counter({(m, v): n for m, v, n in counted.annotate(n=Count("id"))})
