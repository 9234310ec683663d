"""Summaries in their forms become the same facts; what is in none is kept as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.contract.summaries import json_summary, text_summary
from mlcore.facts.fact import Fact
from mlcore.facts.parse import facts_of

DESCS = [
    "类别=BBU安装螺丝,符合性=不符合,问题=未拧紧",
    "类别=BBU安装螺丝,符合性=不符合,问题=未拧紧",
    "类别=BBU安装螺丝,符合性=符合",
    "类别=光纤,保护措施=无保护",
]


def test_both_forms_of_a_summary_say_the_same() -> None:
    text = facts_of(text_summary(DESCS), 2)
    statistics = facts_of(json_summary(DESCS, "bbu"), 2)
    assert text == statistics
    assert Fact(2, "BBU安装螺丝", "问题", "未拧紧", "negative", "certain", 2) in text.facts
    assert Fact(2, "BBU安装螺丝", "符合性", "符合", "positive", "certain", 1) in text.facts
    assert text.objects == 4


@pytest.mark.parametrize(
    ("key", "value", "polarity"),
    [
        ("符合性", "不符合", "negative"),
        ("符合性", "符合", "positive"),
        ("可读性", "不可读", "negative"),
        ("可读性", "可读", "positive"),
        ("挡风板符合性", "未按要求配备", "negative"),
        ("挡风板需求", "空间充足需安装", "neutral"),
        ("可见性", "部分", "neutral"),
        ("弯曲半径", "半径不合理<4cm或成环", "negative"),
        ("保护细节", "未见明显损坏", "neutral"),
        ("品牌", "华为", "neutral"),
    ],
)
def test_a_value_is_good_bad_or_neither(key: str, value: str, polarity: str) -> None:
    found = facts_of(f"类别=光纤,{key}={value}×1", 1)
    assert [fact.polarity for fact in found.facts if fact.attribute == key] == [polarity]


def test_part_of_a_thing_can_show_a_fault_but_not_that_all_is_well() -> None:
    said = "类别=光纤,可见性=部分,保护措施=有保护,弯曲半径=半径不合理<4cm或成环×1"
    certainty = {fact.attribute: fact.certainty for fact in facts_of(said, 1).facts}
    assert certainty == {
        "": "certain",
        "可见性": "certain",
        "保护措施": "uncertain",
        "弯曲半径": "certain",
    }


@pytest.mark.parametrize(
    "text",
    [
        "类别=BBU设备,可见性=部分×1，备注:挡风板拍不到",
        "类别=BBU设备,可见性=部分×1，需复核,备注:挡风板拍不到",
        "类别=BBU设备,可见性=部分,备注=挡风板拍不到×1",
    ],
)
def test_a_remark_is_kept_and_is_no_fact(text: str) -> None:
    found = facts_of(text, 1)
    assert found.remarks == ("挡风板拍不到",)
    assert not any(fact.polarity == "negative" for fact in found.facts)
    assert found.unparsed == ""


def test_what_cannot_be_told_is_uncertain() -> None:
    facts = facts_of("类别=挡风板,安装方向=无法判断方向错误×1", 1).facts
    assert [f.certainty for f in facts if f.attribute] == ["uncertain"]


def test_an_irrelevant_image_says_nothing() -> None:
    found = facts_of("无关图片", 3)
    assert (found.irrelevant, found.facts, found.objects) == (True, (), 0)


def test_free_text_is_kept_for_patterns() -> None:
    assert facts_of("螺丝松动", 1).unparsed == "螺丝松动"


def test_free_text_of_an_object_is_no_finding() -> None:
    facts = facts_of("类别=标签,文本=未通过验收,可读性=可读×1", 1).facts
    assert [f.polarity for f in facts] == ["neutral", "positive"]


@given(st.text())
def test_any_text_has_facts_or_is_kept_whole(text: str) -> None:
    found = facts_of(text, 1)
    assert found.facts or found.irrelevant or found.remarks or found.unparsed or not text.strip()
