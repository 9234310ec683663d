"""A rule is its sentence: read, written, and held against facts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.stage_b.ticket import Evidence
from mlcore.stage_b.verdict.rules import Condition, Rule, parse_rule, rule_text

SCREW = Condition("BBU安装螺丝", "符合性", "不符合")


def holds(text: str, *summaries: str) -> bool:
    rule = parse_rule(text)
    assert rule is not None
    return rule.holds(Evidence("m", ("a",) * len(summaries), summaries).all_facts)


def test_a_fault_in_any_image_is_found() -> None:
    text = "若任一图中「BBU安装螺丝」的「符合性」为「不符合」，则判不通过。"
    assert parse_rule(text) == Rule((SCREW,))
    bad = "类别=BBU安装螺丝,符合性=不符合,问题=未拧紧×1"
    assert holds(text, "无关图片", bad)
    assert not holds(text, "类别=BBU安装螺丝,符合性=符合×2")


def test_counts_are_of_one_image() -> None:
    text = "若任一图中「光纤」的「保护措施」为「无保护」达到2个，则判不通过。"
    one, two = ("类别=光纤,保护措施=无保护×1", "类别=光纤,保护措施=无保护×2")
    assert not holds(text, one, one)
    assert holds(text, one, two)


def test_missing_things_are_missing_from_every_image() -> None:
    text = "若任一图中「BBU设备」，且所有图中都没有「挡风板」，则判不通过。"
    device, shield = "类别=BBU设备,可见性=完整×1", "类别=挡风板,安装方向=方向正确×1"
    assert holds(text, device, device)
    assert not holds(text, device, shield)
    assert not holds(text, "无关图片")


def test_what_is_said_without_certainty_neither_fails_nor_is_missing() -> None:
    unclear = "类别=挡风板,安装方向=无法判断方向错误×1"
    assert not holds(
        "若任一图中「挡风板」的「安装方向」为「无法判断方向错误」，则判不通过。", unclear
    )
    assert not holds("若所有图中都没有「挡风板」，则判不通过。", unclear)


@pytest.mark.parametrize(
    "text",
    [
        "螺丝松动则判不通过。",
        "若任一图中「BBU安装螺丝」的「符合性」为「不符合」，则判通过。",
        "若任一图中「BBU安装螺丝」的「符合性」为「不符合」，则判不通过。或者",
        "若任一图中「a」达到0个，则判不通过。",
        "若任一图中「a」，且任一图中「b」，不因此判不通过。",
        "若所有图中都没有「a」，不因此判不通过。",
    ],
)
def test_any_other_text_is_for_the_model_alone(text: str) -> None:
    assert parse_rule(text) is None


NAMES = st.text(st.sampled_from("螺丝光纤ab=<,，且若"), min_size=1, max_size=8)
CONDITIONS = st.one_of(
    st.builds(Condition, NAMES, NAMES, NAMES, st.just("some"), st.integers(1, 50)),
    st.builds(Condition, NAMES, st.just(""), st.just(""), st.just("none")),
    st.builds(Condition, NAMES, NAMES, NAMES, st.just("none")),
)


@given(st.lists(CONDITIONS, min_size=1, max_size=3))
def test_a_rule_is_written_and_read_back(conditions: list[Condition]) -> None:
    rule = Rule(tuple(conditions))
    try:
        text = rule_text(rule)
    except ValueError:
        return  # a name that reads like the join of two conditions is refused, not garbled
    assert parse_rule(text) == rule


def test_a_name_that_no_sentence_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="no sentence"):
        rule_text(Rule((Condition("a b"),)))
