"""JSON in answers: what is taken, what is refused, and that nothing else ever happens."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.stage_b.replies.extract import ReplyError, balanced, read_reply
from mlcore.stage_b.replies.schemas import DecisionReply, OpsReply

GOOD = '{"no_evidence_group_ids": ["a::fail"], "decision_analysis": "无"}'
OTHER = '{"no_evidence_group_ids": [], "decision_analysis": "x"}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"好的，如下：\n```json\n{GOOD}\n```\n{OTHER}",
        f'他说 " 然后 {GOOD}',
        f"{{不是}} {GOOD} {OTHER}",
        f"{{ 开了没关\n{GOOD}",
        f"```\n{{\n```\n{GOOD}",
        f'{{"a": "没关\n}} {GOOD}',
    ],
)
def test_the_first_right_object_is_taken(text: str) -> None:
    assert read_reply(text, DecisionReply).no_evidence_group_ids == ["a::fail"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON object"),
        ("[]", "no JSON object"),
        ("{", "no JSON object"),
        ('{"decision_analysis": ""}', "no_evidence_group_ids"),
        (GOOD.replace("无", "无" * 201), "decision_analysis"),
        (GOOD[:-1] + ', "verdict": "pass"}', "verdict"),
        (GOOD[:-1] + ', "decision_analysis": "b"}', "twice"),
        ('{"no_evidence_group_ids": NaN, "decision_analysis": ""}', "NaN"),
        (GOOD.replace('["a::fail"]', '"a::fail"'), "no_evidence_group_ids"),
        ('{"a":' * 100_00, "no JSON object"),
        ('{"a":' + "[" * 100_000 + "]" * 99_000 + "}", "not JSON"),
        ("{" * 300_000, "characters"),
    ],
)
def test_anything_else_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ReplyError, match=reason):
        read_reply(text, DecisionReply)


def test_braces_in_strings_do_not_count() -> None:
    text = 'x {"a": "}{\\"}"} y {"b": {"c": 1}}'
    assert balanced(text) == ['{"a": "}{\\"}"}', '{"b": {"c": 1}}']


@settings(max_examples=200)
@given(st.text(alphabet='{}[]"\\:,`\n json1a\ud800', max_size=60))
def test_nothing_but_its_own_error_is_raised(text: str) -> None:
    for model in (DecisionReply, OpsReply):
        try:
            read = read_reply(text, model)
        except ReplyError:
            continue
        read.model_dump_json()


@settings(max_examples=50)
@given(
    st.lists(st.text(max_size=20), max_size=5),
    st.text(max_size=20),
    st.text(alphabet="abc 一\n", max_size=30),
)
def test_what_was_written_is_read(ids: list[str], analysis: str, around: str) -> None:
    value = {"no_evidence_group_ids": ids, "decision_analysis": analysis}
    read = read_reply(f"{around}{json.dumps(value)}{around}", DecisionReply)
    assert read.model_dump() == value


def test_work_grows_linearly_with_the_text() -> None:
    def steps(text: str) -> int:
        count = 0

        def trace(*_: object) -> object:
            nonlocal count
            count += 1
            return trace

        sys.settrace(trace)  # type: ignore[arg-type]
        try:
            balanced(text)
        finally:
            sys.settrace(None)
        return count

    for bad in ('{"', "{}", "{", "}{", '"{'):
        assert steps(bad * 800) < 2.5 * steps(bad * 400)
