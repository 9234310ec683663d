"""Older keys of distillation, as values of today's section `distill`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlcore.train.config.distill import FEATURES
from mlcore.train.old.draft import Draft, Made, NotCarried, flag

NO_RL = "reinforcement learning is not in this version"
_FLAT = {"merger": "aligner", "aligner": "aligner", "vit": "vit", "deepstack": "deepstack"}
"""targets of the flat form by their names then"""


def rlhf_type(to: str, value: Any, draft: Draft) -> Made:
    """`gkd` is what the section does; its share of on-policy steps is written out, because the
    default was another one."""
    _require_gkd(draft)
    if draft.given("rlhf.teacher_model") is None:
        draft.fill_in["distill.teacher"] = "the checkpoint that is learned from"
    if draft.given("rlhf.lmbda") is not None:
        raise NotCarried("removed", "the section `distill` is that")
    return Made({"distill.lmbda": 0.5}, "the default then")


def gkd(to: str, value: Any, draft: Draft) -> Made:
    """A value of distillation, and of nothing else that stood in the same section."""
    _require_gkd(draft)
    if value is None:
        raise NotCarried("removed", "null is today's default")
    return Made({to: flag(value) if to.endswith("seq_kd") else value})


def visual_kd(to: str, value: Any, draft: Draft) -> Made:
    """The whole section of vision features, by target or in its flat form."""
    section = draft.given("custom.visual_kd")
    if not flag(value):
        raise NotCarried("removed", "it was off, and is not there")
    made: dict[str, Any] = {}
    for name in FEATURES:
        target = section.get(name)
        if isinstance(target, Mapping) and flag(target.get("enabled", False)):
            made |= _target(to, name, target)
    for name in section.get("targets") or []:
        if name in _FLAT:
            made |= _target(to, _FLAT[name], section)
    if not made:
        raise NotCarried("unsupported", "no target is switched on")
    return Made(made, "each target has its own weight")


def _target(to: str, name: str, section: Mapping[str, Any]) -> dict[str, Any]:
    out = {f"{to}.{name}.weight": section.get("weight")}
    distance = section.get("distance")
    return out if distance is None else {**out, f"{to}.{name}.distance": distance}


def _require_gkd(draft: Draft) -> None:
    kind = draft.given("rlhf.rlhf_type")
    if kind != "gkd":
        raise NotCarried("unsupported", NO_RL if kind else "without rlhf_type: gkd it did nothing")
