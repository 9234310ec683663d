"""A gate passes only on proof."""
from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.gates.engine import evaluate
from mlcore.gates.policy import Check, DeltaCheck, Policy, ValueCheck, load_policy

REPORT: dict[str, Any] = {
    "reference": "model",
    "systems": {
        "model": {
            "parse_rate": {"value": 0.99, "n": 200},
            "f1_50": {"value": 0.8, "n": 1500},
            "classes": {"螺丝": {"recall": {"value": 0.7, "n": 300}}},
        },
        "constant": {"f1_50": {"value": 0.1, "n": 1500}},
        "untrained": {"f1_50": {"value": 0.0, "n": 1500}},
    },
}


def value_check(**changes: Any) -> ValueCheck:
    base = {"id": "c", "kind": "value", "metric": "reference.f1_50", "comparison": ">=",
            "limit": 0.6, "min_n": 100, "why": "because"}
    return ValueCheck(**{**base, **changes})


def delta_check(**changes: Any) -> DeltaCheck:
    base = {"id": "d", "kind": "delta_to_every_other", "metric": "f1_50", "limit": 0.2,
            "min_n": 100, "why": "because"}
    return DeltaCheck(**{**base, **changes})


def policy(*checks: Check) -> Policy:
    return Policy(name="p", version=1, checks=list(checks))


def changed(path: str, value: Any) -> dict[str, Any]:
    """The report with one value replaced, or removed where the new value is `...`."""
    report = deepcopy(REPORT)
    *parents, last = path.split("/")
    here = report
    for key in parents:
        here = here[key]
    here[last] = value
    if value is ...:
        del here[last]
    return report


def reason(report: Any, check: Check) -> str:
    """The reason of a check that must fail."""
    result = evaluate(policy(check), report)
    assert not result.passed
    assert not result.checks[0].passed
    return result.checks[0].reason


def test_the_shipped_policy_passes_a_good_report_and_says_why() -> None:
    demo, _ = load_policy("demo", lambda ref: pytest.fail(ref))
    result = evaluate(demo, REPORT, {"report_sha256": "ab"})
    assert result.passed
    assert result.reason == "all 3 checks passed"
    assert [check.id for check in result.checks] == ["parse_rate", "f1", "f1_beyond_every_other"]
    assert result.checks[2].value == pytest.approx(0.7)
    assert result.evidence == {"report_sha256": "ab"}


@pytest.mark.parametrize(
    ("comparison", "limit", "passed"),
    [(">=", 0.8, True), (">=", 0.81, False), (">", 0.8, False), (">", 0.7, True),
     ("<=", 0.8, True), ("<=", 0.7, False), ("<", 0.8, False), ("<", 0.9, True),
     ("==", 0.8, True), ("==", 0.7, False)],
)
def test_each_comparison_means_what_it_says(comparison: str, limit: float, passed: bool) -> None:
    check = value_check(comparison=comparison, limit=limit)
    assert evaluate(policy(check), REPORT).passed is passed


def test_a_metric_may_be_named_from_the_root_or_by_the_reference() -> None:
    for metric in ("systems.constant.f1_50", "reference.classes.螺丝.recall"):
        assert evaluate(policy(value_check(metric=metric, limit=0.1)), REPORT).passed


MUST_FAIL: dict[str, tuple[dict[str, Any], Check, str]] = {
    "a value below the limit": (REPORT, value_check(limit=0.9), "0.8 >= 0.9 does not hold"),
    "a missing metric": (REPORT, value_check(metric="reference.f2"), "no 'f2'"),
    "a metric of a missing class": (
        REPORT, value_check(metric="reference.classes.鬼.recall"), "no '鬼'"
    ),
    "a system that is not there": (
        REPORT, value_check(metric="systems.nobody.f1_50"), "no 'nobody'"
    ),
    "a path through a figure": (REPORT, value_check(metric="reference.f1_50.value.x"), "no 'x'"),
    "a bare number": (REPORT, value_check(metric="reference.f1_50.value"), "not a figure"),
    "an empty report": ({}, value_check(), "no reference"),
    "no reference": (changed("reference", ...), value_check(), "no reference"),
    "a reference that is no name": (changed("reference", 7), value_check(), "no reference"),
    "a reference that is no system": (changed("reference", "x"), value_check(), "no 'x'"),
    "null": (changed("systems/model/f1_50", {"value": None, "n": 0}), value_check(), "no value"),
    "no value": (changed("systems/model/f1_50/value", ...), value_check(), "no value"),
    "text": (changed("systems/model/f1_50/value", "0.9"), value_check(), "not a finite number"),
    "true": (changed("systems/model/f1_50/value", True), value_check(), "not a finite number"),
    "not a number": (
        changed("systems/model/f1_50/value", float("nan")), value_check(), "not a finite number"
    ),
    "infinity": (
        changed("systems/model/f1_50/value", float("inf")), value_check(), "not a finite number"
    ),
    "an integer beyond floats": (
        changed("systems/model/f1_50/value", 10**5000), value_check(), "not a finite number"
    ),
    "too few": (changed("systems/model/f1_50/n", 99), value_check(), "n=99, fewer than the 100"),
    "no n": (changed("systems/model/f1_50/n", ...), value_check(), "how many"),
    "an n that is true": (changed("systems/model/f1_50/n", True), value_check(), "how many"),
    "an n that is no whole number": (
        changed("systems/model/f1_50/n", 500.0), value_check(), "how many"
    ),
    "skipped": (
        changed("systems/model/f1_50/skipped", "no GPU"), value_check(), "not measured: no GPU"
    ),
    "simulated": (
        changed("systems/model/f1_50/status", "simulated"), value_check(), "not measured: simulated"
    ),
    "a figure that is a list": (changed("systems/model/f1_50", [1]), value_check(), "not a figure"),
    "a lead that is too small": (REPORT, delta_check(limit=0.75), "lead over constant 0.7"),
    "a lead over all but one": (
        changed("systems/untrained/f1_50/value", 0.7), delta_check(), "lead over untrained 0.1"
    ),
    "nobody to lead": (
        {**REPORT, "systems": {"model": REPORT["systems"]["model"]}}, delta_check(),
        "no other system",
    ),
    "another system without a value": (
        changed("systems/untrained/f1_50/value", None), delta_check(), "no value"
    ),
    "another system without the metric": (
        changed("systems/untrained/f1_50", ...), delta_check(), "untrained.f1_50 is missing"
    ),
    "another system over too few": (
        changed("systems/untrained/f1_50/n", 3), delta_check(), "n=3, fewer than"
    ),
    "no own value": (changed("systems/model/f1_50/value", None), delta_check(), "no value"),
    "systems that are a list": (changed("systems", []), delta_check(), "no systems"),
    "an unknown comparison": (
        REPORT, value_check().model_copy(update={"comparison": "~"}), "unknown comparison '~'"
    ),
    "an infinite limit": (
        REPORT, value_check().model_copy(update={"limit": float("-inf")}), "not a finite number"
    ),
}


@pytest.mark.parametrize("name", MUST_FAIL)
def test_it_fails_on(name: str) -> None:
    report, check, words = MUST_FAIL[name]
    assert words in reason(report, check)


def test_a_policy_without_checks_passes_nothing() -> None:
    result = evaluate(policy(), REPORT)
    assert not result.passed
    assert "no checks" in result.reason


def test_one_failed_check_fails_the_gate_and_the_others_are_still_judged() -> None:
    result = evaluate(policy(value_check(id="a", limit=0.99), value_check(id="b")), REPORT)
    assert [check.passed for check in result.checks] == [False, True]
    assert not result.passed
    assert result.reason == "1 of 2 checks failed: a"


def test_a_failed_result_is_plain_json() -> None:
    report = changed("systems/model/f1_50/value", float("nan"))
    written = json.dumps(evaluate(policy(value_check()), report).to_json(), allow_nan=False)
    loaded = json.loads(written)
    assert loaded["schema"] == "gate/1"
    assert loaded["checks"][0]["value"] is None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(
        st.sampled_from(["systems", "model", "f1_50", "value", "n", "reference", "x"]), inner
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["systems", "reference", "value"]), values))
def test_any_report_gets_a_verdict_and_none_passes_by_accident(report: dict[str, Any]) -> None:
    result = evaluate(policy(value_check(), delta_check()), report)
    assert result.passed is all(check.passed for check in result.checks)
    json.dumps(result.to_json(), allow_nan=False)
