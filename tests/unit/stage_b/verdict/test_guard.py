"""What the guard finds, within the focus of the mission, and how it says so."""

from __future__ import annotations

import pytest

from mlcore.stage_b.ticket import Evidence
from mlcore.stage_b.verdict.contract import MOST_REASON, Spoken, parse_two_lines, render_two_lines
from mlcore.stage_b.verdict.diagnose import diagnose, rationale_quality
from mlcore.stage_b.verdict.focus import focus_of
from mlcore.stage_b.verdict.guard import GuardResult, guard
from mlcore.stage_b.verdict.rules import Rule, parse_rule

FOCUS = focus_of("至少需要检测到BBU设备，且BBU安装螺丝符合要求")
SCREW = "类别=BBU安装螺丝,符合性=不符合,问题=未拧紧×1"
FIBRE = "类别=光纤,保护措施=无保护×1"
FIBRE_RULE = "若任一图中「光纤」的「保护措施」为「无保护」，则判不通过。"
EXCUSE = "若任一图中「BBU安装螺丝」的「问题」为「未拧紧」，不因此判不通过。"


def found(*summaries: str, rules: tuple[str, ...] = ()) -> GuardResult:
    parsed = {f"G{i}": parse_rule(text) for i, text in enumerate(rules, start=1)}
    kept: dict[str, Rule] = {key: rule for key, rule in parsed.items() if rule is not None}
    return guard(Evidence("m", ("a",) * len(summaries), summaries), FOCUS, kept)


def test_a_fault_of_the_focus_fails_the_ticket_with_a_reason_that_names_it() -> None:
    result = found("无关图片", SCREW)
    assert result.fails
    reason = result.reason()
    assert "Image2: BBU安装螺丝 符合性=不符合" in reason
    assert parse_two_lines(render_two_lines(Spoken("fail", reason))) == Spoken("fail", reason)


def test_a_fault_outside_the_focus_is_noted_and_fails_nothing() -> None:
    result = found(FIBRE)
    assert not result.fails
    assert [hit.clause for hit in result.irrelevant] == ["光纤 保护措施=无保护"]


def test_a_rule_that_holds_fails_the_ticket_by_its_key() -> None:
    result = found(FIBRE, rules=(FIBRE_RULE,))
    assert result.rules == ("G1",)
    assert "光纤 保护措施=无保护" in result.reason()


def test_a_rule_can_excuse_one_sort_of_fact_and_no_other() -> None:
    only = "类别=BBU安装螺丝,问题=未拧紧×1"
    assert not found(only, rules=(EXCUSE,)).fails
    assert found(SCREW, rules=(EXCUSE,)).fails


def test_without_a_focus_no_fact_is_relevant() -> None:
    assert not guard(Evidence("m", ("a",), (SCREW,)), focus_of(""), {}).fails


def test_a_device_is_the_place_and_not_the_object_of_an_inspection() -> None:
    device = "类别=BBU设备,挡风板符合性=未按要求配备×1"
    assert not found(device).fails
    alone = guard(Evidence("m", ("a",), (device,)), focus_of("需要检测到BBU设备"), {})
    assert alone.fails


def test_a_remark_for_review_fails_nothing() -> None:
    assert not found("类别=BBU安装螺丝,符合性=符合×1，需复核,备注:螺丝松动无法判断").fails


@pytest.mark.parametrize(
    ("text", "sort"),
    [
        ("BBU安装螺丝/松动", "relevant"),
        ("图1: BBU安装螺丝/不符合要求/漆面脱落", "relevant"),
        ("BBU安装螺丝/未见松动", ""),
        ("BBU安装螺丝/无明显损坏", ""),
        ("BBU安装螺丝/是否松动", ""),
        ("BBU安装螺丝/松动，模糊", "relevant"),
        ("BBU安装螺丝/松动但模糊", "pending"),
        ("光纤/损坏", "irrelevant"),
        ("光纤/损坏；BBU安装螺丝/缺失", "relevant"),
    ],
)
def test_free_text_is_read_by_patterns(text: str, sort: str) -> None:
    result = found(text)
    sorts = {"relevant": result.relevant, "pending": result.pending}
    sorts["irrelevant"] = result.irrelevant
    if sort:
        assert sorts[sort]
    else:
        assert not any(sorts.values())
    assert result.fails == (sort == "relevant")


def test_an_issue_that_no_list_knows_is_named_once() -> None:
    (hit,) = found("BBU安装螺丝/不符合要求/漆面脱落").relevant
    assert hit.by == "不符合要求/漆面脱落"


def test_a_reason_fits_and_never_avoids_a_verdict() -> None:
    reason = found(*[f"BBU安装螺丝{'很' * 200}{i}/松动" for i in range(9)]).reason()
    assert len(reason) <= MOST_REASON
    hinted = found("BBU安装螺丝/松动证据不足")
    assert hinted.fails
    assert parse_two_lines(f"Verdict: 不通过\nReason: {hinted.reason()}") == Spoken(
        "fail", hinted.reason()
    )


def test_a_diagnosis_tells_a_pass_against_the_evidence() -> None:
    evidence = Evidence("m", ("a",), (SCREW,))
    passing = diagnose(Spoken("pass", "BBU安装螺丝符合"), evidence, FOCUS, [], found(SCREW))
    failing = diagnose(Spoken("fail", "BBU安装螺丝不符合"), evidence, FOCUS, [], found(SCREW))
    assert (passing.against_evidence, passing.grounded) == (True, None)
    assert (failing.against_evidence, failing.grounded) == (False, 1.0)
    assert passing.guidance_consistency is None


def test_the_quality_of_a_rationale_grows_with_its_length_to_80_characters() -> None:
    figures = [rationale_quality("字" * n) for n in (0, 5, 11, 12, 46, 80, 200)]
    assert figures == pytest.approx([0.0, 0.4, 0.4, 0.4, 0.7, 1.0, 1.0])
