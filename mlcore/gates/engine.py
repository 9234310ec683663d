"""A policy over a report. Fails closed: what is not proven, measured and counted has failed."""
from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mlcore.gates.policy import DeltaCheck, Policy, ValueCheck

SCHEMA = "gate/1"
REFERENCE = "reference"
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq,
}


@dataclass(frozen=True)
class CheckResult:
    """How one check ended. `reason` says exactly why, also when it passed."""

    id: str
    metric: str
    value: float | None
    limit: float
    comparison: str
    n: int | None
    passed: bool
    reason: str
    why: str


@dataclass(frozen=True)
class GateResult:
    """The verdict: passed only when there are checks and every one passed.

    `evidence` holds digests of what was judged and by what.
    """

    policy: str
    policy_version: int
    passed: bool
    reason: str
    checks: tuple[CheckResult, ...]
    evidence: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """The result as it is written and sent, of schema gate/1."""
        return {"schema": SCHEMA, **asdict(self)}


class _Unproven(Exception):
    """A figure that proves nothing, and why. Never leaves this module."""


@dataclass(frozen=True)
class _Figure:
    value: float
    n: int


def evaluate(
    policy: Policy, report: Mapping[str, Any], evidence: Mapping[str, str] | None = None
) -> GateResult:
    """Hold a report against a policy. Any report gives a verdict; none raises."""
    results = tuple(_check(check, report) for check in policy.checks)
    failed = [result.id for result in results if not result.passed]
    if not results:
        reason = "the policy has no checks, so nothing is proven"
    elif failed:
        reason = f"{len(failed)} of {len(results)} checks failed: {', '.join(failed)}"
    else:
        reason = f"all {len(results)} checks passed"
    passed = bool(results) and not failed
    return GateResult(policy.name, policy.version, passed, reason, results, dict(evidence or {}))


def _check(check: ValueCheck | DeltaCheck, report: Mapping[str, Any]) -> CheckResult:
    comparison = check.comparison if isinstance(check, ValueCheck) else ">="
    try:
        if isinstance(check, ValueCheck):
            figure = _figure(report, _absolute(report, check.metric), check.min_n)
            subject = "the value"
        else:
            figure, subject = _smallest_delta(report, check)
    except _Unproven as problem:
        return _result(check, comparison, None, str(problem))
    return _result(check, comparison, figure, subject)


def _result(
    check: ValueCheck | DeltaCheck, comparison: str, figure: _Figure | None, words: str
) -> CheckResult:
    """`words` name what was compared, or say why there is nothing to compare."""
    passed, reason = False, words
    compare = COMPARISONS.get(comparison)
    if figure is not None and compare is None:
        reason = f"unknown comparison {comparison!r}"
    elif figure is not None and not math.isfinite(check.limit):
        reason = f"the limit {check.limit} is not a finite number"
    elif figure is not None and compare is not None:
        passed = compare(figure.value, check.limit)
        verb = "holds" if passed else "does not hold"
        reason = f"{words} {figure.value:.4g} {comparison} {check.limit:g} {verb} (n={figure.n})"
    return CheckResult(
        id=check.id, metric=check.metric, value=figure.value if figure else None,
        limit=check.limit, comparison=comparison, n=figure.n if figure else None,
        passed=passed, reason=reason, why=check.why,
    )


def _absolute(report: Mapping[str, Any], metric: str) -> list[str]:
    """The path with a leading `reference` turned into the system that it stands for."""
    parts = metric.split(".")
    return ["systems", _reference(report), *parts[1:]] if parts[0] == REFERENCE else parts


def _reference(report: Mapping[str, Any]) -> str:
    name = report.get(REFERENCE)
    if not isinstance(name, str) or not name:
        raise _Unproven("the report names no reference system")
    return name


def _smallest_delta(report: Mapping[str, Any], check: DeltaCheck) -> tuple[_Figure, str]:
    """The smallest lead over another system; every other one must have a proven figure."""
    reference = _reference(report)
    systems = report.get("systems")
    if not isinstance(systems, Mapping):
        raise _Unproven("the report holds no systems")
    others = sorted(str(name) for name in systems if name != reference)
    if not others:
        raise _Unproven("the report holds no other system to compare with")
    path = check.metric.split(".")
    own = _figure(report, ["systems", reference, *path], check.min_n)
    leads = []
    for name in others:
        other = _figure(report, ["systems", name, *path], check.min_n)
        leads.append((own.value - other.value, min(own.n, other.n), name))
    lead, n, name = min(leads)
    return _Figure(lead, n), f"the lead over {name}"


def _figure(report: Mapping[str, Any], path: list[str], min_n: int) -> _Figure:
    """The figure at a path. Raises _Unproven unless it is a finite number with enough n."""
    name = ".".join(path)
    found: Any = report
    for part in path:
        if not isinstance(found, Mapping) or part not in found:
            raise _Unproven(f"{name} is missing from the report (no {part!r})")
        found = found[part]
    if not isinstance(found, Mapping):
        raise _Unproven(f"{name} is not a figure with a value and an n")
    status = found.get("status", "measured")
    if "skipped" in found or status != "measured":
        word = found.get("skipped") or status
        raise _Unproven(f"{name} was not measured: {word}")
    value, n = found.get("value"), found.get("n")
    if value is None:
        raise _Unproven(f"{name} has no value (n={n})")
    number = _number(value)
    if number is None:
        raise _Unproven(f"{name} is not a finite number")
    if isinstance(n, bool) or not isinstance(n, int):
        raise _Unproven(f"{name} does not say how many it is over: its n is no whole number")
    if n < min_n:
        raise _Unproven(f"{name} is over n={n}, fewer than the {min_n} that the policy asks for")
    return _Figure(number, n)


def _number(value: object) -> float | None:
    """A finite float, or None for everything else: text, true, NaN, an integer beyond floats."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
