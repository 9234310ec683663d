"""Strengths that change while training: a pure function of the step."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any

from pydantic import Field, model_validator
from pydantic_core import InitErrorDetails, ValidationError

from mlcore.augment.op import Op
from mlcore.config.base import StrictModel
from mlcore.config.explain import did_you_mean

Target = float | tuple[float, float]
"""the value of a parameter at the end of a phase: a number, or from and to"""
Percent = Annotated[float, Field(gt=0.0, le=100.0)]


class Phase(StrictModel):
    """One stretch of training. Its targets are reached at its end, in a straight line."""

    until_percent: Percent | None = None
    """where the phase ends, in percent of all steps: 0.5 is half a percent"""
    until_step: Annotated[int, Field(ge=1)] | None = None
    """where the phase ends, in steps; all phases count in the same unit"""
    bypass_prob: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """share of samples that stay as they are"""
    ops: dict[str, dict[str, Target]] = Field(default_factory=dict)
    """targets by op and parameter; what is not named stays as it was"""

    @model_validator(mode="after")
    def _one_end(self) -> Phase:
        if (self.until_percent is None) == (self.until_step is None):
            raise ValueError("needs exactly one of until_percent and until_step")
        return self

    @property
    def end(self) -> float:
        """The end in the phase's own unit."""
        end = self.until_percent if self.until_step is None else self.until_step
        assert end is not None
        return float(end)


class Curriculum(StrictModel):
    """Phases one after another. The values of the config itself are where the first one starts,
    and the last targets hold to the end."""

    phases: Annotated[tuple[Phase, ...], Field(min_length=1)]
    """the phases in their order"""

    @model_validator(mode="after")
    def _rising(self) -> Curriculum:
        if len({phase.until_step is None for phase in self.phases}) > 1:
            raise ValueError("phases mix until_percent and until_step")
        ends = [phase.end for phase in self.phases]
        if any(after <= before for before, after in pairwise(ends)):
            raise ValueError(f"phases must end one after another, not at {ends}")
        return self


Values = Mapping[tuple[str, str], Target]
"""parameters by op and name; the share of bypassed samples as ("", "bypass_prob")"""
BYPASS = ("", "bypass_prob")


def problems(curriculum: Curriculum, ops: tuple[Op, ...]) -> list[InitErrorDetails]:
    """What is wrong with a curriculum for these ops, each with its path below `curriculum`."""
    found: list[InitErrorDetails] = []
    by_type: dict[str, list[Op]] = {}
    for op in ops:
        by_type.setdefault(op.type, []).append(op)
    for number, phase in enumerate(curriculum.phases):
        for name, targets in phase.ops.items():
            path = ("phases", number, "ops", name)
            if name not in by_type:
                near = did_you_mean(name, sorted(by_type))
                found.append(_fault(path, targets, f"the config has no op {name!r}{near}"))
            elif len(by_type[name]) > 1:
                found.append(_fault(path, targets, f"the config has several ops {name!r}"))
            else:
                found += _target_faults(path, by_type[name][0], targets)
    return found


def _target_faults(
    path: tuple[str | int, ...], op: Op, targets: Mapping[str, Target]
) -> list[InitErrorDetails]:
    found = []
    fitting = {}
    for key, target in targets.items():
        message = _shape_fault(op, key, target)
        if message:
            found.append(_fault((*path, key), target, message))
        else:
            fitting[key] = target
    try:
        changed(op, fitting)
    except ValidationError as error:
        for item in error.errors():
            message = str(item.get("ctx", {}).get("error", item["msg"]))
            found.append(_fault((*path, *item["loc"]), item["input"], message))
    return found


def _shape_fault(op: Op, key: str, target: Target) -> str:
    if key not in type(op).model_fields or key == "type":
        names = [name for name in type(op).model_fields if _is_target(_value(op, name))]
        return f"{op.type} has no parameter {key!r}{did_you_mean(key, names)}"
    now = _value(op, key)
    if not _is_target(now):
        return f"{key} is neither a number nor a pair of numbers, so it cannot change gradually"
    if isinstance(now, tuple) != isinstance(target, tuple):
        return f"must be {'a pair of numbers' if isinstance(now, tuple) else 'one number'}"
    return ""


def _is_target(value: object) -> bool:
    if isinstance(value, tuple):
        return len(value) == 2 and all(_is_number(v) for v in value)
    return _is_number(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _value(op: Op, key: str) -> Any:
    return op.__dict__.get(key)


def _fault(path: tuple[str | int, ...], value: object, message: str) -> InitErrorDetails:
    return InitErrorDetails(
        type="value_error", loc=path, input=value, ctx={"error": ValueError(message)}
    )


def changed(op: Op, targets: Mapping[str, Target]) -> Op:
    """The op with other values, validated again; whole-numbered parameters are rounded."""
    if not targets:
        return op
    data = {**op.__dict__}
    for key, target in targets.items():
        data[key] = _like(op.__dict__[key], target)
    return type(op).model_validate(data, strict=True)


def _like(now: Any, target: Target) -> Any:
    if isinstance(now, tuple):
        assert isinstance(target, tuple)
        return tuple(_like(a, b) for a, b in zip(now, target, strict=True))
    return round(target) if isinstance(now, int) else target  # type: ignore[arg-type]


def start_values(ops: tuple[Op, ...], bypass_prob: float, curriculum: Curriculum) -> Values:
    """Where every parameter that ever changes starts."""
    by_type = {op.type: op for op in ops}
    out: dict[tuple[str, str], Target] = {BYPASS: bypass_prob}
    for phase in curriculum.phases:
        for name, targets in phase.ops.items():
            for key in targets:
                out[name, key] = _value(by_type[name], key)
    return out


def values_at(
    curriculum: Curriculum, start: Values, step: int, total_steps: int
) -> Values:
    """Every changing parameter at a step, counted from 0.

    Within a phase each goes straight from its value at the phase's start to its target. Raises
    ValueError for a step before 0, or for percent without a number of steps.
    """
    if step < 0:
        raise ValueError(f"there is no step {step}")
    by_percent = curriculum.phases[0].until_step is None
    if by_percent and total_steps < 1:
        raise ValueError("a curriculum in percent needs the number of all steps")
    position = 100.0 * step / total_steps if by_percent else float(step)
    now, begin = dict(start), 0.0
    for phase in curriculum.phases:
        share = min((position - begin) / (phase.end - begin), 1.0)
        for key, target in _targets(phase).items():
            now[key] = _between(now[key], target, share)
        if position < phase.end:
            break
        begin = phase.end
    return now


def _targets(phase: Phase) -> dict[tuple[str, str], Target]:
    out: dict[tuple[str, str], Target] = {
        (name, key): target for name, ts in phase.ops.items() for key, target in ts.items()
    }
    if phase.bypass_prob is not None:
        out[BYPASS] = phase.bypass_prob
    return out


def _between(a: Target, b: Target, share: float) -> Target:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share
    assert not isinstance(a, tuple) and not isinstance(b, tuple)
    return b if share == 1.0 else a + (b - a) * share
