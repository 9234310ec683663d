"""Guidance of one mission, and the file that holds that of many.

    {MISSION: {"step": 3, "updated_at": "...Z", "experiences": {"G0": ..., "S1": ..., "G1": ...},
               "metadata": {"G1": {...}}}}

`G0` is the checklist, `S1`, `S2`, … are read-only invariants, `G1`, `G2`, … are learnt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlcore.errors import ConfigError, DataError
from mlcore.near import did_you_mean
from mlcore.stage_b.verdict.focus import Focus, focus_of
from mlcore.stage_b.verdict.rules import Rule, parse_rule

CHECKLIST = "G0"
KEY = re.compile(r"G(?:0|[1-9][0-9]{0,4})|S[1-9][0-9]{0,4}")
_META_KEYS = (
    *("updated_at", "reflection_id", "sources", "rationale", "hit_count", "miss_count"),
    "confidence",
)


@dataclass(frozen=True)
class Meta:
    """Where a rule comes from and how it did. `sources` are keys of the tickets that caused it."""

    updated_at: str = ""
    reflection_id: str = ""
    sources: tuple[str, ...] = ()
    rationale: str = ""
    hit_count: int = 0
    miss_count: int = 0

    @property
    def confidence(self) -> float | None:
        """hits / (hits + misses); None before the first of either."""
        total = self.hit_count + self.miss_count
        return self.hit_count / total if total else None


@dataclass(frozen=True)
class Guidance:
    """The guidance of one mission at one step."""

    mission: str
    step: int
    experiences: Mapping[str, str]
    metadata: Mapping[str, Meta] = field(default_factory=dict)
    updated_at: str = ""

    @property
    def checklist(self) -> str:
        return self.experiences[CHECKLIST]

    @property
    def focus(self) -> Focus:
        return focus_of(self.checklist)

    @property
    def scaffold(self) -> dict[str, str]:
        """S1, S2, … by number."""
        return {key: self.experiences[key] for key in self._keys("S")}

    @property
    def learnt(self) -> dict[str, str]:
        """G1, G2, … by number."""
        return {key: self.experiences[key] for key in self._keys("G") if key != CHECKLIST}

    @property
    def rules(self) -> dict[str, Rule]:
        """Of S* and learnt texts those that state a rule, by key."""
        texts = {**self.scaffold, **self.learnt}
        parsed = {key: parse_rule(text) for key, text in texts.items()}
        return {key: rule for key, rule in parsed.items() if rule is not None}

    def _keys(self, letter: str) -> list[str]:
        own = [key for key in self.experiences if key.startswith(letter)]
        return sorted(own, key=lambda key: int(key[1:]))


def read_missions(path: Path) -> dict[str, Guidance]:
    """Every mission of a guidance file. Raises DataError naming the mission and key at fault."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise DataError(f"not JSON: {error}", where=str(path)) from error
    if not isinstance(value, dict) or not value:
        raise DataError("a guidance file maps missions to guidance", where=path.name)
    return {name: parse_guidance(name, entry, path.name) for name, entry in value.items()}


def read_guidance(path: Path, mission: str) -> Guidance:
    """The guidance of one mission. Raises ConfigError where the file has no such mission."""
    missions = read_missions(path)
    if mission not in missions:
        raise ConfigError(
            f"{path.name} has no guidance for the mission {mission!r}",
            hint=did_you_mean(mission, missions),
        )
    return missions[mission]


def parse_guidance(mission: str, entry: object, where: str) -> Guidance:
    """One mission's entry, strictly. Raises DataError."""
    where = f"{where}: {mission}"
    if not isinstance(entry, dict):
        raise DataError("guidance is an object", where=where)
    unknown = set(entry) - {"step", "updated_at", "experiences", "metadata"}
    if unknown:
        raise DataError(f"guidance has no key {sorted(unknown)[0]!r}", where=where)
    step = entry.get("step", 0)
    if type(step) is not int or step < 0:
        raise DataError("step is a whole number from 0", where=where)
    experiences = _experiences(entry.get("experiences"), where)
    metadata = entry.get("metadata", {})
    if not isinstance(metadata, dict) or set(metadata) - set(experiences):
        raise DataError("metadata is an object by keys of experiences", where=where)
    return Guidance(
        mission,
        step,
        experiences,
        {key: _meta(value, f"{where}: metadata.{key}") for key, value in metadata.items()},
        str(entry.get("updated_at", "")),
    )


def guidance_json(guidance: Guidance) -> dict[str, Any]:
    """The mission's entry, keys in the order G0, S*, G*."""
    keys = [CHECKLIST, *guidance.scaffold, *guidance.learnt]
    return {
        "step": guidance.step,
        "updated_at": guidance.updated_at,
        "experiences": {key: guidance.experiences[key] for key in keys},
        "metadata": {
            key: _meta_json(guidance.metadata[key]) for key in keys if key in guidance.metadata
        },
    }


def _experiences(value: object, where: str) -> dict[str, str]:
    if not isinstance(value, dict) or CHECKLIST not in value:
        raise DataError(f"experiences must be an object with {CHECKLIST}", where=where)
    for key, text in value.items():
        if not KEY.fullmatch(key):
            raise DataError(f"{key!r} is no key: G0, G1, … or S1, S2, …", where=where)
        if not isinstance(text, str) or not text.strip() or text.splitlines() != [text]:
            raise DataError(f"{key} must be one line of text", where=where)
    return dict(value)


def _meta(value: object, where: str) -> Meta:
    if not isinstance(value, dict) or set(value) - set(_META_KEYS):
        raise DataError(f"has the keys {', '.join(_META_KEYS)}", where=where)
    sources = value.get("sources", [])
    counts = [value.get("hit_count", 0), value.get("miss_count", 0)]
    if not isinstance(sources, list) or not all(isinstance(s, str) for s in sources):
        raise DataError("sources is a list of ticket keys", where=where)
    if any(type(n) is not int or n < 0 for n in counts):
        raise DataError("hit_count and miss_count are whole numbers from 0", where=where)
    return Meta(
        str(value.get("updated_at", "")),
        str(value.get("reflection_id", "")),
        tuple(sources),
        str(value.get("rationale", "")),
        *counts,
    )


def _meta_json(meta: Meta) -> dict[str, Any]:
    return {
        "updated_at": meta.updated_at,
        "reflection_id": meta.reflection_id,
        "sources": list(meta.sources),
        "rationale": meta.rationale,
        "hit_count": meta.hit_count,
        "miss_count": meta.miss_count,
        "confidence": meta.confidence,
    }
