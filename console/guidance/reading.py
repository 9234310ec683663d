"""Guidance files of runs and people, and what runs measured of each rule."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from console.api.problems import ApiProblem, pointer
from console.catalog import blobs
from console.catalog.models import Output
from console.catalog.output_rows import as_object, parsed_lines, rows_of
from console.catalog.queries import file_of
from mlcore.errors import DataError
from mlcore.stage_b.guidance.model import Guidance, Meta, guidance_json, parse_guidance
from mlcore.stage_b.rows import RuleCandidateRow

FILE, HISTORY, CANDIDATES = "guidance.json", "history.jsonl", "rule_candidates.jsonl"
LONGEST = 2 * 2**20
"""bytes of a guidance file"""
_MEASURED = {
    *("n", "better", "worse", "changed", "p", "adjusted_p"),
    *("false_release", "false_block", "label_match"),
}


def parse_text(text: str, mission: str) -> Guidance:
    """The mission's guidance of a guidance file. Raises ApiProblem 422 that says what is wrong."""
    if len(text.encode()) > LONGEST:
        raise _bad(f"A guidance file has at most {LONGEST:,} bytes.")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad(f"The file is not JSON: {error}") from error
    if not isinstance(value, dict) or not value:
        raise _bad("A guidance file maps missions to guidance.")
    if not mission and len(value) == 1:
        mission = next(iter(value))
    if mission not in value:
        raise _bad(f"The file has no mission {mission!r}; it has: {', '.join(sorted(value))}.")
    return checked(mission, value[mission])


def checked(mission: str, entry: object) -> Guidance:
    """An entry, strictly. Raises ApiProblem 422."""
    if not mission.strip() or len(mission) > 120 or set("@/") & set(mission):
        raise ApiProblem(
            422,
            "invalid",
            "A mission has 1 to 120 characters without @ and /.",
            errors=[{"pointer": pointer(["mission"]), "detail": "1 to 120, without @ and /"}],
        )
    try:
        return parse_guidance(mission, entry, "guidance")
    except DataError as error:
        raise _bad(f"{error.message} ({error.where})") from error


def guidance_of(output: Output, mission: str) -> Guidance:
    """The mission's guidance in an output of a run. Raises ApiProblem 422 where it has none."""
    file = file_of(output, FILE)
    if file is None:
        raise _bad(f"{output.ref} has no {FILE}.")
    return parse_text(blobs.read_blob(file["sha256"], LONGEST).decode("utf-8", "replace"), mission)


def file_bytes(guidance: Guidance) -> bytes:
    """The guidance as a file of its one mission."""
    value = {guidance.mission: guidance_json(guidance)}
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def measured(verdicts: Output | None, run_uid: str) -> dict[str, dict[str, Any]]:
    """What a run's search measured of the rules that it took, by their text."""
    if verdicts is None:
        return {}
    return {
        row.text: {"run": run_uid, **row.model_dump(mode="json", include=_MEASURED)}
        for row in rows_of(verdicts, CANDIDATES, RuleCandidateRow)
        if row.applied and row.text
    }


def effects_of(
    guidance: Guidance,
    found: Mapping[str, Mapping[str, Any]],
    parent: Guidance | None,
    inherited: Mapping[str, Any],
) -> dict[str, Any]:
    """What is known of each rule by key: measured now, else before while its text is the same."""
    before = (
        {}
        if parent is None
        else {
            parent.experiences[key]: effect
            for key, effect in inherited.items()
            if key in parent.experiences
        }
    )
    known = {**before, **found}
    return {key: known[text] for key, text in guidance.experiences.items() if text in known}


def changes(before: Guidance | None, after: Guidance) -> list[dict[str, Any]]:
    """What differs, key by key, with the tickets that are new as evidence of each change."""
    old: Mapping[str, str] = before.experiences if before else {}
    metas: Mapping[str, Meta] = before.metadata if before else {}
    out = []
    for key in sorted({*old, *after.experiences}, key=place_of):
        was, now = old.get(key, ""), after.experiences.get(key, "")
        if was == now:
            continue
        meta, earlier = after.metadata.get(key, Meta()), metas.get(key, Meta())
        fresh = [s for s in meta.sources if s not in earlier.sources]
        verb = "add" if not was else "update" if now else "delete"
        out.append(
            {
                "verb": verb,
                "key": key,
                "before": was,
                "after": now,
                "rationale": meta.rationale if now else "",
                "evidence": fresh if now else list(earlier.sources),
            }
        )
    return out


def steps_of(output: Output) -> list[dict[str, Any]]:
    """The run's own history of its guidance: [{step, time, reflection_id, changes}]; empty where
    nothing was changed. Raises UnreadableOutputError."""
    if file_of(output, HISTORY) is None:
        return []
    newest = {int(row["step"]): row for row in parsed_lines(output, HISTORY, _step)}
    return [newest[step] for step in sorted(newest)]


def _step(raw: bytes, where: str) -> dict[str, Any]:
    row = as_object(raw, where)
    if type(row.get("step")) is not int or not isinstance(row.get("changes"), list):
        raise DataError("a step has its number and its changes", where=where)
    return row


def place_of(key: str) -> tuple[int, str, int]:
    """G0 first, then S1, S2, …, then G1, G2, …"""
    return (0 if key == "G0" else 1 if key[:1] == "S" else 2, key[:1], int(key[1:] or 0))


def ordered(keys: Sequence[str]) -> list[str]:
    return sorted(keys, key=place_of)


def _bad(detail: str) -> ApiProblem:
    return ApiProblem(422, "guidance", detail, errors=[{"pointer": "/text", "detail": detail}])
