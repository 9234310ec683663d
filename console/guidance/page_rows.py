"""Guidance as pages and the API show it: plain values."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from console.guidance import queries
from console.guidance.models import GuidanceVersion
from console.guidance.reading import ordered
from mlcore.stage_b.guidance.model import Meta

SHOWN_EVIDENCE = 12
ORIGINS = {
    "imported": gettext_noop("imported from a file"),
    "promoted": gettext_noop("promoted from a run"),
    "edited": gettext_noop("edited by a person"),
    "reverted": gettext_noop("reverted"),
}


def rule_rows(version: GuidanceVersion) -> list[dict[str, Any]]:
    """Every text with its kind, evidence, counts, and what a run measured of it."""
    guidance = queries.as_guidance(version)
    rules = guidance.rules
    out = []
    for key in ordered(list(guidance.experiences)):
        meta = guidance.metadata.get(key, Meta())
        out.append(
            {
                "key": key,
                "text": guidance.experiences[key],
                "kind": "checklist" if key == "G0" else "scaffold" if key[0] == "S" else "learnt",
                "applied_by_guard": key in rules,
                "rationale": meta.rationale,
                "evidence": list(meta.sources)[:SHOWN_EVIDENCE],
                "n_evidence": len(meta.sources),
                "hits": meta.hit_count,
                "misses": meta.miss_count,
                "confidence": meta.confidence,
                "effect": version.effects.get(key),
            }
        )
    return out


def history_row(version: GuidanceVersion) -> dict[str, Any]:
    """A version in the history."""
    slug, mission = version.guidance.project.slug, version.guidance.mission
    return {
        "number": version.number,
        "origin": version.origin,
        "word": origin_word(version),
        "author": version.author.get_full_name() if version.author else "",
        "message": version.message,
        "created": version.created,
        "n": len(version.changes),
        "run": version.run_uid,
        "run_url": reverse("runs:run", args=[slug, version.run_uid]) if version.run_uid else "",
        "url": reverse("guidance:mission", args=[slug, mission]) + f"?v={version.number}",
        "diff_url": reverse("guidance:diff", args=[slug, mission]) + f"?to={version.number}",
    }


def tickets_url(slug: str, run_uid: str) -> str:
    """Where the tickets of a run are looked up by their key; empty for texts of no run."""
    return f"{reverse('runs:run', args=[slug, run_uid])}?tab=tickets" if run_uid else ""


def origin_word(version: GuidanceVersion) -> str:
    if version.origin == "reverted":
        return _("reverted to v%(n)s") % {"n": version.restored}
    return _(ORIGINS[version.origin])
