"""Two lines, two verdicts, one reason: everything else is malformed, with its cause."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.stage_b.verdict.contract import (
    MOST_REASON,
    Malformed,
    Spoken,
    parse_two_lines,
    render_two_lines,
    third_state,
)


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("Verdict: 通过", "pass"),
        ("verdict：通过。", "pass"),
        ("Verdict:PASS", "pass"),
        ("Verdict: 不通过", "fail"),
        ("VERDICT: 未通过", "fail"),
        ("Verdict: fail", "fail"),
    ],
)
def test_a_verdict_has_a_few_spellings(line: str, verdict: str) -> None:
    assert parse_two_lines(f"\n{line}\n\nReason： 螺丝符合 assistant\n") == Spoken(
        "pass" if verdict == "pass" else "fail", "螺丝符合 assistant"
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("  \n ", "empty"),
        ("Verdict: 通过", "line_count"),
        ("Verdict: 通过\nReason: a\nb", "line_count"),
        ("Reason: a\nVerdict: 通过", "no_verdict"),
        ("通过\nReason: a", "no_verdict"),
        ("Verdict: 通过但需复核\nReason: a", "unknown_verdict"),
        ("Verdict: 通过 不通过\nReason: a", "unknown_verdict"),
        ("Verdict: 通过\nReason:", "no_reason"),
        ("Verdict: 通过\n理由: a", "no_reason"),
        ("Verdict: 通过\nReason: 证据不足", "third_state"),
        ("Verdict: 不通过\nReason: Need-Review later", "third_state"),
        ("Verdict: 通过\nReason: " + "长" * (MOST_REASON + 1), "long"),
    ],
)
def test_anything_else_is_malformed_with_its_cause(text: str, code: str) -> None:
    said = parse_two_lines(text)
    assert isinstance(said, Malformed)
    assert said.code == code


@given(st.text())
def test_no_text_raises(text: str) -> None:
    assert isinstance(parse_two_lines(text), Spoken | Malformed)


REASONS = st.text(min_size=1, max_size=MOST_REASON).filter(
    lambda t: bool(t.strip()) and third_state(t) is None
)


@given(st.sampled_from(["pass", "fail"]), REASONS)
def test_what_is_rendered_is_read_back(verdict: str, reason: str) -> None:
    spoken = Spoken("pass" if verdict == "pass" else "fail", " ".join(reason.split()))
    assert parse_two_lines(render_two_lines(spoken)) == spoken
