"""Augmentation of older configs: ops by name with their parameters, and the curriculum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlcore.augment.op import OPS
from mlcore.near import did_you_mean
from mlcore.train.old.draft import Draft, Made, NotCarried, flag

OP_NAMES = {"expand_to_fit_affine": "expand_to_fit", "resize": "resize_by_scale"}
"""ops that have another name now"""
KEYS = ("enabled", "bypass_prob", "ops", "curriculum")
PERCENT = "until_percent up to 1 was a share of all steps; it is written as percent"


def augmentation(to: str, value: Any, draft: Draft) -> Made:
    """`custom.augmentation` whole. What it holds beside is told key by key."""
    if not isinstance(value, Mapping):
        raise NotCarried("removed", "null means not at all, as before")
    if not flag(value.get("enabled", True)):
        raise NotCarried("removed", "it was off: data.augmentation stays null")
    here = "custom.augmentation"
    ops = [
        op
        for at, item in enumerate(value.get("ops") or [])
        if (op := _op(item, f"{here}.ops.{at}", draft)) is not None
    ]
    for key in sorted(set(value) - set(KEYS)):
        draft.tell(f"{here}.{key}", value[key], "unknown", note="nothing was carried")
    if not ops:
        raise NotCarried("unsupported", "none of its ops is in this version")
    made: dict[str, Any] = {f"{to}.ops": ops}
    if value.get("bypass_prob") is not None:
        made[f"{to}.bypass_prob"] = value["bypass_prob"]
    note = ""
    if value.get("curriculum"):
        made[f"{to}.curriculum"], note = _curriculum(value["curriculum"])
    return Made(made, note)


def with_augmentation(to: str, value: Any, draft: Draft) -> Made:
    """A key beside `custom.augmentation`, which does nothing without it."""
    if "data.augmentation.ops" not in draft.new:
        raise NotCarried("removed", "without augmentation it does nothing")
    return Made({to: value})


def curriculum(to: str, value: Any, draft: Draft) -> Made:
    """`custom.augmentation_curriculum`, which is now part of the augmentation."""
    with_augmentation(to, value, draft)
    if not value:
        raise NotCarried("removed", "null means none, as before")
    made, note = _curriculum(value)
    return Made({to: made}, note)


def _op(item: Any, path: str, draft: Draft) -> dict[str, Any] | None:
    said = item.get("name") if isinstance(item, Mapping) else None
    if not isinstance(said, str):
        draft.tell(path, item, "unsupported", note="an op has a name")
        return None
    name = OP_NAMES.get(said, said)
    if name not in OPS.names():
        note = f"no op of this version. {did_you_mean(name, OPS.names())}"
        draft.tell(f"{path}.name", said, "unsupported", note=note)
        return None
    params = {key: data for key, data in item.items() if key not in ("name", "params")}
    params |= item.get("params") or {}
    known = OPS.get(name).model_fields
    for key in [key for key in params if key not in known or key == "type"]:
        note = f"{name} has no such parameter"
        draft.tell(f"{path}.params.{key}", params.pop(key), "unsupported", note=note)
    return {"type": name, **params}


def _curriculum(value: Any) -> tuple[Any, str]:
    if not isinstance(value, Mapping) or not isinstance(value.get("phases"), list):
        raise NotCarried("unsupported", "a curriculum has a list of phases")
    note, phases = "", []
    for phase in value["phases"]:
        made = dict(phase) if isinstance(phase, Mapping) else phase
        percent = made.get("until_percent") if isinstance(made, dict) else None
        if isinstance(percent, int | float) and percent <= 1:
            made["until_percent"] = round(percent * 100, 9)
            note = PERCENT
        if isinstance(made, dict) and isinstance(made.get("ops"), Mapping):
            made["ops"] = {OP_NAMES.get(name, name): data for name, data in made["ops"].items()}
        phases.append(made)
    return {**value, "phases": phases}, note
