"""Writes of guidance. Each makes the next version of a mission, as the act of a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from console.accounts import audit
from console.accounts.audit import Actor
from console.accounts.models import Project
from console.api.problems import ApiProblem, pointer
from console.catalog import blobs
from console.catalog.models import Output
from console.guidance import queries, reading
from console.guidance.models import GuidanceVersion, MissionGuidance, Origin, Suggestion
from console.runs.models import Run
from mlcore.run.hashing import FileEntry, tree_digest
from mlcore.stage_b.guidance.model import Guidance, Meta, guidance_json

ANY = -1
"""no matter which version is the newest"""
NO_EVIDENCE: Mapping[str, Sequence[str]] = MappingProxyType({})


@dataclass(frozen=True)
class Made:
    """What makes a version besides its content."""

    origin: Origin
    message: str = ""
    expected: int = ANY
    """the version that the person saw; another one in force refuses the act"""
    run_uid: str = ""
    restored: int | None = None


def import_text(
    actor: Actor, project: Project, mission: str, text: str, message: str, expected: int = ANY
) -> GuidanceVersion:
    """The mission's guidance of a file as its next version."""
    guidance = reading.parse_text(text, mission)
    return _add(actor, project, guidance, {}, Made(Origin.IMPORTED, message, expected))


def promote(
    actor: Actor, project: Project, run: Run, message: str, expected: int = ANY
) -> GuidanceVersion:
    """The guidance of a finished run as its mission's next version, with what it measured."""
    mission, output = promotable(project, run)
    guidance = reading.guidance_of(output, mission)
    effects = reading.measured(queries.verdicts_of(project, run.uid), run.uid)
    made = Made(Origin.PROMOTED, message, expected, run_uid=run.uid)
    return _add(actor, project, guidance, effects, made)


def promotable(project: Project, run: Run) -> tuple[str, Output]:
    """The mission and the guidance of a run. Raises ApiProblem 422 where it left none."""
    mission = str(run.config_resolved.get("mission", ""))
    output = queries.guidance_outputs(project, [run.uid]).get(run.uid)
    if run.kind != "stage_b" or run.state != "succeeded" or output is None:
        raise ApiProblem(
            422,
            "no_guidance",
            f"{run.uid} is no finished run that left guidance.",
            errors=[{"pointer": pointer(["run"]), "detail": "a finished run of kind stage_b"}],
        )
    return mission, output


def edit(
    actor: Actor,
    project: Project,
    mission: str,
    texts: Mapping[str, str],
    message: str,
    expected: int = ANY,
    evidence: Mapping[str, Sequence[str]] = NO_EVIDENCE,
) -> GuidanceVersion:
    """Texts by key as the next version; see `edited`."""
    now = queries.version(project, mission)
    guidance = edited(queries.as_guidance(now), texts, message, evidence)
    return _add(actor, project, guidance, {}, Made(Origin.EDITED, message, expected))


def edited(
    before: Guidance,
    texts: Mapping[str, str],
    message: str,
    evidence: Mapping[str, Sequence[str]] = NO_EVIDENCE,
) -> Guidance:
    """The guidance with these texts and no others. A text that changed keeps its evidence, gains
    that of `evidence` (keys of tickets by key), and starts counting hits and misses anew: they were
    of another sentence.

    Raises ApiProblem 422.
    """
    stamp = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    clean = {key: " ".join(text.split()) for key, text in texts.items() if text.strip()}
    metadata = {}
    for key, text in clean.items():
        known = before.metadata.get(key)
        if before.experiences.get(key) == text:
            if known is not None:
                metadata[key] = known
            continue
        sources = (*(known.sources if known else ()), *evidence.get(key, ()))
        told = tuple(dict.fromkeys(sources))
        metadata[key] = Meta(updated_at=stamp, sources=told, rationale=message)
    after = replace(
        before, step=before.step + 1, updated_at=stamp, experiences=clean, metadata=metadata
    )
    reading.checked(before.mission, _entry(after))
    return after


def revert(
    actor: Actor, project: Project, mission: str, number: int, expected: int = ANY
) -> GuidanceVersion:
    """An earlier state as the next version."""
    old = queries.version(project, mission, number)
    effects = {old.entry["experiences"][key]: effect for key, effect in old.effects.items()}
    made = Made(Origin.REVERTED, "", expected, run_uid=old.run_uid, restored=number)
    return _add(actor, project, queries.as_guidance(old), effects, made)


def dismiss(actor: Actor, draft: Suggestion, state: str) -> None:
    """Put a draft aside, or note that a person took it into the editor."""
    with transaction.atomic():
        Suggestion.objects.filter(pk=draft.pk).update(
            state=state, decided_by=actor.user, updated=timezone.now()
        )
        audit.record(
            actor,
            f"suggestion.{state}",
            f"{draft.mission}: {draft.reason}",
            project=draft.project,
            detail={"evidence": draft.evidence[:50]},
        )


def _add(
    actor: Actor, project: Project, guidance: Guidance, measured: Mapping[str, Any], made: Made
) -> GuidanceVersion:
    """Raises ApiProblem 409 where another version is in force than the person saw, or where
    nothing would change."""
    entry = _entry(guidance)
    reading.checked(guidance.mission, entry)
    with transaction.atomic():
        line, _ = MissionGuidance.objects.get_or_create(project=project, mission=guidance.mission)
        # The UPDATE locks the row, so two acts that come together are two versions.
        MissionGuidance.objects.filter(pk=line.pk).update(updated=timezone.now())
        line.refresh_from_db()
        if made.expected not in (ANY, line.latest):
            raise ApiProblem(
                409, "changed", f"Version {line.latest} is in force by now; look at it first."
            )
        parent = line.versions.filter(number=line.latest).first()
        before = reading.checked(line.mission, parent.entry) if parent else None
        changes = reading.changes(before, guidance)
        if parent is not None and not changes and entry["metadata"] == parent.entry["metadata"]:
            raise ApiProblem(409, "nothing_changed", "This is the guidance that is in force.")
        MissionGuidance.objects.filter(pk=line.pk).update(latest=F("latest") + 1)
        output = _stored(project, guidance)
        version = GuidanceVersion.objects.create(
            guidance=line,
            number=line.latest + 1,
            parent=parent,
            origin=made.origin,
            run_uid=made.run_uid,
            restored=made.restored,
            output=output,
            digest=output.digest,
            entry=entry,
            author=actor.user,
            message=made.message[:400],
            changes=changes,
            effects=reading.effects_of(
                guidance, measured, before, parent.effects if parent else {}
            ),
        )
        audit.record(
            actor,
            f"guidance.{made.origin}",
            version.ref,
            project=project,
            detail={"changes": len(changes), "run": made.run_uid, "digest": output.digest},
        )
    return GuidanceVersion.objects.select_related("guidance").get(pk=version.pk)


def _stored(project: Project, guidance: Guidance) -> Output:
    data = reading.file_bytes(guidance)
    blob = blobs.put_bytes(data)
    digest = tree_digest([FileEntry(reading.FILE, blob.sha256, len(data))])
    return Output.objects.create(
        project=project,
        name="guidance",
        type="guidance",
        digest=digest,
        bytes=len(data),
        files=[{"path": reading.FILE, "sha256": blob.sha256, "size": len(data)}],
    )


def _entry(guidance: Guidance) -> dict[str, Any]:
    if "G0" not in guidance.experiences:
        raise ApiProblem(
            422,
            "guidance",
            "G0, the checklist, is mandatory.",
            errors=[{"pointer": pointer(["experiences", "G0"]), "detail": "mandatory"}],
        )
    return guidance_json(guidance)
