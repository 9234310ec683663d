"""The older loss of coordinate tokens, as values of today's section `coord_loss`.

Its terms were the same: cross-entropy, Gaussian soft cross-entropy, distance of the cumulated
distributions and the gate, each a mean over coordinates beside the mean over text. Its defaults
were others, so all of them are written out.
"""

from __future__ import annotations

import math
from typing import Any

from mlcore.train.old.draft import Draft, Made, NotCarried, flag, number

SECTION = "custom.coord_soft_ce_w1"
WEIGHTS = {"ce_weight": 0.0, "soft_ce_weight": 1.0, "w1_weight": 1.0, "gate_weight": 1.0}
"""by key, the default then"""
PLAIN = "it was off: coordinates were learned by plain cross-entropy, which is `coord_loss: null`"


def coord_soft(to: str, value: Any, draft: Draft) -> Made:
    """The whole section, where it is on."""
    _require_on(draft)
    weights = {key: _given(draft, key, default, least=0.0) for key, default in WEIGHTS.items()}
    if not any(weights.values()):
        raise NotCarried("unsupported", "every weight is 0, which never trained")
    sigma = _given(draft, "target_sigma", 2.0, above=0.0)
    made: dict[str, Any] = {
        **weights,
        "temperature": _given(draft, "temperature", 1.0, above=0.0),
        "sigma_start": sigma,
        "sigma_end": sigma,
        "mean_over": "kind",
    }
    cut = draft.given(f"{SECTION}.target_truncate")
    if cut is not None:
        made["truncate"] = math.floor(_number(cut, least=0.0))
    return Made(
        {f"{to}.{key}": found for key, found in made.items()},
        "with the defaults then of what it does not say",
    )


def coord_part(to: str, value: Any, draft: Draft) -> Made:
    """One value of the section; what is no number has been told with the section."""
    _require_on(draft)
    if "coord_loss.mean_over" not in draft.new:
        raise NotCarried("unsupported", "the section as a whole has no counterpart")
    if value is None:
        raise NotCarried("removed", "null was the default, which is written out")
    if to == "coord_loss.sigma_start":
        return Made({to: draft.new[to], "coord_loss.sigma_end": draft.new[to]}, "from end to end")
    return Made({to: draft.new[to]})


def _require_on(draft: Draft) -> None:
    on = draft.given(f"{SECTION}.enabled")
    if on is None or not flag(on):
        raise NotCarried("removed", PLAIN)


def _given(
    draft: Draft, key: str, default: float, least: float = -math.inf, above: float = -math.inf
) -> float:
    value = draft.given(f"{SECTION}.{key}")
    return default if value is None else _number(value, least, above)


def _number(value: Any, least: float = -math.inf, above: float = -math.inf) -> float:
    found = number(value)
    if found < least or found <= above:
        raise NotCarried("unsupported", f"{value!r} was never a value of this loss")
    return found
