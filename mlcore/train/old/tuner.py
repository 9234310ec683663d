"""How the values of the older `tuner` section become those of `tuning`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlcore.train.config.tuning import ALL_LINEAR
from mlcore.train.old.draft import Draft, Made, NotCarried, flag

TYPES = ("full", "lora", "adalora", "boft", "fourierft")
LOW_RANK = ("lora", "adalora")
BIASES = {"none": "none", "all": "all", "lora_only": "adapted"}
NO_ADAPTERS = "it was for adapters, and the weights themselves are trained"
NOTHING = "^$"
"""the older way to say that no module gets an adapter"""
DEFAULTS = {"tuning.freeze_vit": True, "tuning.freeze_aligner": True}
LOW_RANK_DEFAULTS: dict[str, float] = {"tuning.rank": 8, "tuning.alpha": 32, "tuning.dropout": 0.05}


def complete_tuning(draft: Draft, why: str) -> None:
    """What the older framework did where a `tuner` section did not say it."""
    chosen = draft.new.get("tuning.type")
    if chosen is None:
        return
    given: dict[str, bool | float] = dict(DEFAULTS)
    if chosen == "lora":
        given |= LOW_RANK_DEFAULTS
    for key, value in given.items():
        draft.set(key, value, why)


def _type(to: str, value: Any, draft: Draft) -> Made:
    if value not in TYPES:
        raise NotCarried("unsupported", f"tunings are {', '.join(TYPES)}")
    return Made({to: value})


def _for_low_rank(to: str, value: Any, draft: Draft) -> Made:
    if draft.new.get("tuning.type") not in LOW_RANK:
        raise NotCarried("removed", NO_ADAPTERS)
    return Made({to: value})


def _lora_switch(to: str, value: Any, draft: Draft) -> Made:
    on = flag(value)
    if draft.new.get("tuning.type") != "lora":
        raise NotCarried("unsupported" if on else "removed", "it goes with `type: lora` only")
    return Made({to: on})


def _frozen(to: str, value: Any, draft: Draft) -> Made:
    return Made({to: flag(value), "tuning.type": draft.new.get("tuning.type", "full")})


def _names(to: str, value: Any, draft: Draft) -> Made:
    names = [value] if isinstance(value, str) else list(value or [])
    _need_adapters(draft)
    if not names:
        raise NotCarried("removed", "an empty list stood for the default")
    if "all-embedding" in names:
        raise NotCarried("unsupported", "embeddings get no adapters; see tuning.coord_offset")
    if names == [ALL_LINEAR]:
        raise NotCarried("removed", "it is today's default")
    return Made({to: names})


def _regex(to: str, value: Any, draft: Draft) -> Made:
    if value is None:
        raise NotCarried("removed", "null is today's default")
    _need_adapters(draft)
    if value == NOTHING:
        return Made({"tuning.target_modules": []}, "no module gets an adapter")
    return Made({to: value}, "it must match whole names of modules of parts that are not frozen")


def _bias(to: str, value: Any, draft: Draft) -> Made:
    _need_adapters(draft)
    if value not in BIASES:
        raise NotCarried("unsupported", f"biases are {', '.join(BIASES)}")
    return Made({to: BIASES[value]})


def _adapter(to: str, value: Any, draft: Draft) -> Made:
    if value is None:
        raise NotCarried("removed", "null is today's default")
    if draft.new.get("tuning.type", "full") in ("full", "adalora"):
        raise NotCarried("unsupported", "start from a whole checkpoint, or go on with `--resume`")
    note = "the same adapter goes on; write `adapter_then: merge` where `tuning` describes another"
    return Made({to: value, "model.adapter_then": "continue"}, note)


def _offset(to: str, value: Any, draft: Draft) -> Made:
    if not flag(value):
        raise NotCarried("removed", "it was off")
    return _for_low_rank(to, True, draft)


def _need_adapters(draft: Draft) -> None:
    if draft.new.get("tuning.type", "full") == "full":
        raise NotCarried("removed", NO_ADAPTERS)


TUNER: dict[str, Callable[[str, Any, Draft], Made]] = {
    "train_type": _type, "low_rank": _for_low_rank, "lora_switch": _lora_switch,
    "frozen": _frozen, "targets": _names, "target_regex": _regex, "lora_bias": _bias,
    "adapter": _adapter, "coord_offset": _offset,
}  # fmt: skip
