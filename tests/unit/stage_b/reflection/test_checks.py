"""Texts that may become rules, and those that may not."""

from __future__ import annotations

import pytest

from mlcore.stage_b.reflection.checks import conflict, hypothesis_fault, leaning, text_fault
from tests.unit.stage_b.reflection.scene import FIBRE_RULE


@pytest.mark.parametrize(
    "text",
    [
        FIBRE_RULE,
        "若任一图中「标签」的「可读性」为「不可读」，不因此判不通过。",
        "若任一图中「光纤」达到2个，且所有图中都没有「挡风板」，则判不通过。",
        "若全景图已确认螺丝齐全，近景图只显示部分不影响，则判通过。",
        "若同一机房的螺丝都已拧紧，则判通过。",
    ],
)
def test_a_general_rule_is_kept(text: str) -> None:
    assert text_fault(text, ["QC-A-20240101-1"]) == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("若" + "螺" * 160, "160"),
        ("类别=光纤,保护措施=无保护×1", "summary"),
        ("标签/可读", "summary"),
        ("BBU设备/完整/符合则判通过", "summary"),
        ("若备注:反光，则判不通过", "summary"),
        ("若图2中螺丝松动，则判不通过", "ticket or an image"),
        ("若 Image1 模糊，则判不通过", "ticket or an image"),
        ("第3组这样的判不通过", "ticket or an image"),
        ("像 a-17 这样的判不通过", "ticket or an image"),
        ("QC-TEMP-20241206-0015502 判不通过", "ticket or an image"),
        ("若东山镇的螺丝松动，则判不通过", "site"),
        ("若城南基站缺挡风板，则判不通过", "site"),
        ("若螺丝松动，不能不判不通过", "twice"),
        ("若螺丝松动，需人工复核", "复核"),
        ("证据不足时判不通过", "证据不足"),
    ],
)
def test_another_text_is_refused_with_a_reason(text: str, reason: str) -> None:
    assert reason in text_fault(text, ["a-17"])


def test_a_text_leads_to_one_verdict_or_to_none() -> None:
    assert leaning("若螺丝松动，则判不通过") == "fail"
    assert leaning("若螺丝齐全，则判通过") == "pass"
    assert leaning("通过或不通过") is None
    assert leaning("若任一图中「标签」的「可读性」为「不可读」，不因此判不通过。") == "pass"


def test_what_contradicts_an_invariant_is_found() -> None:
    scaffold = ["若挡风板缺失，则判不通过。"]
    assert conflict("若挡风板缺失，但只有一台设备，则判通过。", scaffold)
    assert not conflict("若挡风板缺失，则判不通过。", scaffold)
    assert not conflict("若光纤齐全，则判通过。", scaffold)


@pytest.mark.parametrize(
    ("text", "falsifier", "dimension", "reason"),
    [
        (FIBRE_RULE, "多数通过", "数量", ""),
        ("光纤要看清。", "多数通过", "", "no verdict"),
        ("若挡风板缺失，则判通过。", "多数不通过", "", "invariant"),
        (FIBRE_RULE, "", "", "falsifier"),
        (FIBRE_RULE, "需进一步确认", "", "进一步确认"),
        (FIBRE_RULE, "多数通过", "品牌", "brand"),
    ],
)
def test_a_hypothesis_is_checked(text: str, falsifier: str, dimension: str, reason: str) -> None:
    found = hypothesis_fault(text, falsifier, dimension, ["若挡风板缺失，则判不通过。"], [])
    assert found == "" if not reason else reason in found
