"""Figures of a look at held-out images while training."""

from __future__ import annotations

import pytest

from mlcore.coordjson.format import AnswerFormat
from mlcore.evaluate.detection import detection_figures
from mlcore.evaluate.levels import LevelCounts
from mlcore.evaluate.look import NAMES, Look
from mlcore.evaluate.summary import summary_row
from mlcore.metrics import find
from tests.support.answers import SCREW, four_records, record, right, say, thing


def test_a_look_says_what_the_whole_evaluation_says() -> None:
    records = four_records()
    look = Look(AnswerFormat())
    for item in records:
        look.add(look.read_dense(item, right(item) if item.id != "one" else "?"))
    found = look.figures()
    matches = [seen.match for seen in look.dense]
    whole = detection_figures(matches, 0.5, LevelCounts(matches, 0.5))
    assert found["f1_50"] == whole["f1_50"]["value"]
    assert found["f1_full_50"] == whole["levels"]["full"]["f1_50"]["value"]
    assert found["parse_rate"] == 0.75
    assert found["clean_negatives"] == 1.0
    assert found["duplicates"] == 0.0
    assert not any(name.startswith("summary") for name in found)


def test_confidence_orders_the_average_precision_of_a_look() -> None:
    wrong = thing(SCREW.desc, "bbox_2d", 120, 120, 180, 180)
    for sure, wanted in (([0.1, 0.9], 1.0), ([0.9, 0.1], 0.5)):
        look = Look(AnswerFormat())
        look.add(look.read_dense(record("a", SCREW), say([wrong, SCREW]), sure))
        assert look.figures()["ap50"] == pytest.approx(wanted)


def test_summaries_are_judged_by_text_facts_and_what_is_amiss() -> None:
    item = four_records()[0]
    look = Look(AnswerFormat())
    assert item.summary is not None
    look.add(summary_row(item.id, item.summary, item.summary))
    look.add(summary_row(item.id, item.summary, None))
    found = look.figures()
    assert found["summary_exact"] == found["summary_parse_rate"] == 0.5
    assert found["summary_negative_recall"] == 0.5
    assert found["summary_fact_f1"] == pytest.approx(2 / 3)
    assert "f1_50" not in found


def test_a_look_at_nothing_has_no_figures_and_every_figure_is_declared() -> None:
    assert Look(AnswerFormat()).figures() == {}
    for name in NAMES:
        assert find(f"eval/{name}").unit == find(f"eval/{name}/day").unit == "share"
