"""What is asked, word for word (golden files, UPDATE_GOLDEN=1), and what cannot be in it."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest

from mlcore.contract.domains import Domain
from mlcore.stage_b.clean import clean_summary
from mlcore.stage_b.prompts import STYLES, Style, verdict_turns
from mlcore.stage_b.ticket import Evidence
from tests.support.tickets import BAD, GOOD, MISSION, guidance

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "verdict_prompts"
RRU = (
    '{"统计": [{"类别": "站点距离", "站点距离": {"12": 1}}, '
    '{"类别": "RRU设备"}, {"类别": "紧固件", "安装状态": {"合格": 2}}]}'
)
TOLD = guidance(
    S1="任何一张图里的明确否定都算数。",
    G2="若任一图中「光纤」的「保护措施」为「无保护」，则判不通过。",
    G10="标签的文字不作判断依据。",
)


def asked(domain: Domain, style: Style, summaries: tuple[str, ...]) -> str:
    evidence = Evidence(MISSION, tuple(f"{i}.jpg" for i, _ in enumerate(summaries)), summaries)
    turns = verdict_turns(evidence, TOLD, domain, style)
    return "\n".join(f"[{turn.role}]\n{turn.text}" for turn in turns) + "\n"


CASES: dict[str, tuple[Domain, Style, tuple[str, ...]]] = {
    "bbu-full": ("bbu", "full", (GOOD, f"{BAD}，需复核,备注:反光")),
    "bbu-compact": ("bbu", "compact", (GOOD, f"{BAD}，需复核,备注:反光")),
    "rru-full": ("rru", "full", (RRU, "无关图片", RRU)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_prompt_is_exactly_this(name: str) -> None:
    text = asked(*CASES[name])
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, "UPDATE_GOLDEN=1 pytest this file, and commit"


@pytest.mark.parametrize("style", STYLES)
def test_no_key_of_guidance_and_no_mark_for_review_is_seen(style: Style) -> None:
    text = asked("bbu", style, (f"{BAD}，需复核,备注:反光",)).rpartition("Image1: ")[2]
    assert "需复核" not in text.partition("\n")[0]
    for key in ("G0", "S1", "G2", "G10"):
        assert key not in asked("bbu", style, (GOOD,))


def test_evidence_has_no_place_for_a_label() -> None:
    assert {field.name for field in fields(Evidence)} == {"mission", "images", "summaries"}


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("類別=螺絲×1", "类别=螺丝×1"),
        ("类别=站点距离,站点距离=12×1，类别=标签×1", "类别=标签×1"),
        ("类别=站点距离,站点距离=12×1", "无关图片"),
        ("标签 \n 清楚", "标签 清楚"),
        ("类别=标签×1，需复核", "类别=标签×1"),
        (RRU, '{"统计": [{"类别": "RRU设备"}, {"类别": "紧固件", "安装状态": {"合格": 2}}]}'),
    ],
)
def test_a_summary_of_bbu_is_cleaned(text: str, clean: str) -> None:
    assert clean_summary(text, "bbu") == clean


def test_rru_keeps_its_station_distances() -> None:
    assert clean_summary(RRU, "rru") == RRU
