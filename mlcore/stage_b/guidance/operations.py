"""Changes of guidance: what may be asked for, and what becomes of it. All of one batch or nothing
of an operation that is refused; the guidance itself is never touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from mlcore.facts.words import THIRD_STATES
from mlcore.stage_b.clean import one_line
from mlcore.stage_b.guidance.likeness import alike, normal
from mlcore.stage_b.guidance.model import CHECKLIST, Guidance, Meta

Verb = Literal["add", "update", "delete", "merge", "none"]
VERBS: tuple[Verb, ...] = ("add", "update", "delete", "merge", "none")


@dataclass(frozen=True)
class Operation:
    """`key` names what is changed, nothing for `add`; `evidence` are keys of tickets."""

    verb: Verb
    key: str = ""
    text: str = ""
    rationale: str = ""
    evidence: tuple[str, ...] = ()
    merged_from: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """What one operation did to one key. `before` and `after` are empty where there was nothing."""

    verb: Verb
    key: str
    before: str
    after: str
    rationale: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Refusal:
    """An operation that was left out, and why."""

    operation: Operation
    reason: str


@dataclass(frozen=True)
class Applied:
    """The guidance after a batch, one step further where anything changed."""

    guidance: Guidance
    changes: tuple[Change, ...] = ()
    refused: tuple[Refusal, ...] = ()


@dataclass
class _Draft:
    """Guidance while a batch is applied; every look-up sees what earlier operations did."""

    experiences: dict[str, str]
    metadata: dict[str, Meta]
    changes: list[Change] = field(default_factory=list)


def apply_operations(
    guidance: Guidance, operations: Sequence[Operation], *, now: str, reflection_id: str
) -> Applied:
    """Apply what may be applied, in order. `now` is an ISO 8601 time.

    An `add` that says nearly what a rule says already becomes an update of it. New rules take the
    smallest free number.
    """
    draft = _Draft(dict(guidance.experiences), dict(guidance.metadata))
    refused: list[Refusal] = []
    for operation in operations:
        if operation.verb == "none":
            continue
        reason = _refusal(operation, draft.experiences)
        if reason:
            refused.append(Refusal(operation, reason))
            continue
        _apply(draft, operation, now, reflection_id)
    if not draft.changes:
        return Applied(guidance, (), tuple(refused))
    after = replace(
        guidance,
        step=guidance.step + 1,
        experiences=draft.experiences,
        metadata=draft.metadata,
        updated_at=now,
    )
    return Applied(after, tuple(draft.changes), tuple(refused))


def credited(guidance: Guidance, hits: Mapping[str, tuple[int, int]]) -> Guidance:
    """The guidance with (hits, misses) added to rules by key. The step stays: no text changed."""
    metadata = dict(guidance.metadata)
    for key, (hit, miss) in hits.items():
        if key in guidance.experiences:
            meta = metadata.get(key, Meta())
            metadata[key] = replace(
                meta, hit_count=meta.hit_count + hit, miss_count=meta.miss_count + miss
            )
    return replace(guidance, metadata=metadata)


def stale(guidance: Guidance, below: float, misses: int) -> list[str]:
    """Keys of learnt rules with a confidence under `below` and at least that many misses."""
    found = []
    for key in guidance.learnt:
        meta = guidance.metadata.get(key, Meta())
        if meta.confidence is not None and meta.confidence < below and meta.miss_count >= misses:
            found.append(key)
    return found


def _refusal(operation: Operation, experiences: Mapping[str, str]) -> str:
    """Why an operation may not be applied; empty where it may."""
    verb, key = operation.verb, operation.key
    if not operation.evidence:
        return "no ticket is given as evidence"
    if verb != "add":
        if key.startswith("S"):
            return f"{key} is read-only"
        if key not in experiences:
            return f"there is no {key}"
    if verb == "delete":
        return f"{CHECKLIST} is mandatory" if key == CHECKLIST else ""
    text = one_line(operation.text)
    if not text:
        return "the text is empty"
    if any(word in text for word in THIRD_STATES):
        return "the text avoids a verdict"
    if verb == "merge":
        return _bad_merge(operation, experiences)
    twin = next((k for k, t in experiences.items() if k != key and normal(t) == normal(text)), None)
    return f"{twin} already says so" if twin and (verb == "update" or twin[0] == "S") else ""


def _bad_merge(operation: Operation, experiences: Mapping[str, str]) -> str:
    others = [k for k in operation.merged_from if k != operation.key]
    if not others:
        return "nothing is named to merge"
    for key in others:
        if key == CHECKLIST or key.startswith("S"):
            return f"{key} cannot be merged away"
        if key not in experiences:
            return f"there is no {key}"
    return ""


def _apply(draft: _Draft, operation: Operation, now: str, reflection_id: str) -> None:
    verb, key, text = operation.verb, operation.key, one_line(operation.text)
    if verb == "delete":
        _note(draft, operation, verb, key, "")
        del draft.experiences[key]
        draft.metadata.pop(key, None)
        return
    if verb == "add":
        near = _near(draft.experiences, text)
        verb, key = ("update", near) if near else ("add", _free(draft.experiences))
        if draft.experiences.get(key) == text:
            return
    _note(draft, operation, verb, key, text)
    folded = [k for k in operation.merged_from if k != key] if verb == "merge" else []
    metas = [draft.metadata.get(k, Meta()) for k in [key, *folded]]
    for gone in folded:
        _note(draft, operation, "merge", gone, "")
        del draft.experiences[gone]
        draft.metadata.pop(gone, None)
    sources = [*operation.evidence, *(s for meta in metas for s in meta.sources)]
    draft.experiences[key] = text
    draft.metadata[key] = Meta(
        updated_at=now,
        reflection_id=reflection_id,
        sources=tuple(dict.fromkeys(sources)),
        rationale=operation.rationale or metas[0].rationale,
        hit_count=sum(meta.hit_count for meta in metas),
        miss_count=sum(meta.miss_count for meta in metas),
    )


def _note(draft: _Draft, operation: Operation, verb: Verb, key: str, after: str) -> None:
    before = draft.experiences.get(key, "")
    draft.changes.append(Change(verb, key, before, after, operation.rationale, operation.evidence))


def _near(experiences: Mapping[str, str], text: str) -> str:
    """The learnt rule that says nearly the same, or nothing."""
    learnt = {k: t for k, t in experiences.items() if k.startswith("G") and k != CHECKLIST}
    return next((key for key, known in learnt.items() if alike(known, text)), "")


def _free(experiences: Mapping[str, str]) -> str:
    number = 1
    while f"G{number}" in experiences:
        number += 1
    return f"G{number}"
