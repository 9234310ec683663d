"""What a ticket has to meet: the guidance with which its verdict was made, as the run left it."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from console.accounts.models import Project
from console.api.problems import ApiProblem
from console.catalog import blobs
from console.catalog.models import Output
from console.reviews.ingest import VERDICTS
from console.reviews.models import ReviewItem

META = "meta.json"
MOST_BYTES = 4 << 20
_PARTS = re.compile(r"[；;。\n]+")


def checklist_of(project: Project, item: ReviewItem) -> dict[str, Any]:
    """`{"step", "checklist": [line], "rules": [{"key", "text"}]}`; empty lists where the run that
    the ticket came from left no guidance."""
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
    rules = [{"key": key, "text": value} for key, value in texts.items()]
    return {"step": guidance.get("step"), "checklist": checklist, "rules": rules}
