"""What a ticket has to meet: the guidance with which its verdict was made, as the run left it."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from console.accounts.models import Project, User
from console.api.problems import ApiProblem
from console.catalog import blobs
from console.catalog.models import Output
from console.reviews.ingest import VERDICTS
from console.reviews.models import Review, ReviewItem
from console.reviews.states import Kind

META = "meta.json"
MOST_BYTES = 4 << 20
_PARTS = re.compile(r"[；;。\n]+")


def checklist_of(project: Project, item: ReviewItem) -> dict[str, Any]:
    """`{"step", "checklist": [line], "rules": [{"key", "text", "sources"}]}`, sources being keys of
    tickets; empty lists where the run that the ticket came from left no guidance."""
    rows = Output.objects.filter(project=project, type=VERDICTS)
    if item.output_digest:
        rows = rows.filter(digest=item.output_digest)
    elif item.run is not None:
        rows = rows.filter(run_uid=item.run.uid)
    else:
        return _guidance("{}")
    files = rows.order_by("-id").values_list("files", flat=True).first() or []
    sha256 = next((f["sha256"] for f in files if f["path"].rpartition("/")[2] == META), "")
    return _read(sha256) if sha256 else _guidance("{}")


def seen_checklist(project: Project, item: ReviewItem, person: User) -> dict[str, Any]:
    """The same for the desk: how many of the rules have tickets of the person behind them, instead
    of whose they are."""
    found = checklist_of(project, item)
    keys = {source for rule in found["rules"] for source in rule["sources"]}
    own = Review.objects.filter(
        reviewer=person, active=True, item__project=project, item__ticket_key__in=keys
    ).exclude(item__kind=Kind.GOLD)
    decided = set(own.values_list("item__ticket_key", flat=True)) if keys else set()
    rules = [{"key": rule["key"], "text": rule["text"]} for rule in found["rules"]]
    yours = sum(bool(decided.intersection(rule["sources"])) for rule in found["rules"])
    return {**found, "rules": rules, "yours": yours}


@lru_cache(maxsize=64)
def _read(sha256: str) -> dict[str, Any]:
    try:
        return _guidance(blobs.read_blob(sha256, MOST_BYTES).decode())
    except (ApiProblem, UnicodeDecodeError):
        # The page does without it and says so.
        return _guidance("{}")


def _guidance(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = {}
    meta = found if isinstance(found, dict) else {}
    guidance = meta.get("guidance_after") or meta.get("guidance_before") or {}
    texts = {str(k): str(v) for k, v in (guidance.get("experiences") or {}).items()}
    checklist = [part.strip() for part in _PARTS.split(texts.pop("G0", "")) if part.strip()]
    meta_of = guidance.get("metadata") or {}
    rules = [
        {"key": key, "text": value, "sources": list((meta_of.get(key) or {}).get("sources") or [])}
        for key, value in texts.items()
    ]
    return {"step": guidance.get("step"), "checklist": checklist, "rules": rules}
