"""Figures, their denominators and their intervals."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlcore.contract.records import Record
from mlcore.evaluate import quick
from mlcore.evaluate.attributes import attribute_scores
from mlcore.evaluate.coco import coco_scores
from mlcore.evaluate.detection import (
    detection_figures,
    detection_measures,
    with_intervals,
)
from mlcore.evaluate.levels import LevelCounts
from mlcore.evaluate.match import ImageMatch, match_image, read_answer, truth_things
from mlcore.evaluate.statistics import (
    Resampled,
    bootstrap,
    differences,
    f1_figure,
    f1_name,
    f1_of,
    ratio,
    share_of,
)
from tests.support.answers import (
    FIBRE,
    LOOSE,
    SCREW,
    SHIELD,
    Answer,
    four_records,
    record,
    right,
    say,
    thing,
)


def matches_of(records: list[Record], answer: Answer) -> list[ImageMatch]:
    return [match_image(r.id, truth_things(r), read_answer(answer(r)), 0.5) for r in records]


def scores(records: list[Record], answer: Answer) -> dict[str, Any]:
    return scores_of(matches_of(records, answer))


def scores_of(matches: list[ImageMatch]) -> dict[str, Any]:
    levels = LevelCounts(matches, 0.5)
    resampled = Resampled(detection_measures(matches, levels), 200, 7)
    return with_intervals(detection_figures(matches, 0.5, levels), resampled)


def test_a_share_of_nothing_has_no_value() -> None:
    assert ratio(0, 0) == {"value": None, "n": 0}
    assert f1_figure(0, 0, 0)["value"] is None
    assert f1_figure(0, 0, 3) == {
        "value": 0.0, "n": 3, "precision": None, "recall": 0.0, "tp": 0, "fp": 0, "fn": 3,
    }


def test_what_salvage_keeps_of_refused_answers_is_counted_and_changes_no_score() -> None:
    records = four_records()
    full = records[0]
    said: dict[str, str | None] = {"full": f"Sure: {right(full)} Done.", "one": "?", "empty": None}
    found = scores(records, lambda r: said.get(r.id, right(r)))
    assert found["salvaged_objects"] == {"value": len(full.objects), "n": 2}
    assert found["faults"]["missing"] == 1
    said["full"] = "?"
    without = scores(records, lambda r: said.get(r.id, right(r)))
    assert without["salvaged_objects"] == {"value": 0, "n": 2}
    for name in ("parse_rate", "f1_50", "precision", "recall", "classes", "kinds"):
        assert found[name] == without[name], name
    assert scores(records, right)["salvaged_objects"] == {"value": None, "n": 0}


def test_the_name_of_f1_says_its_threshold() -> None:
    assert [f1_name(t) for t in (0.5, 0.75, 0.525)] == ["f1_50", "f1_75", "f1_52_5"]


def test_right_answers_score_one_everywhere() -> None:
    found = scores(four_records(), right)
    assert found["parse_rate"]["value"] == 1.0
    assert found["parse_rate"]["n"] == 4
    assert found["f1_50"]["value"] == 1.0
    assert found["f1_50"]["n"] == 7
    assert found["mean_iou"]["value"] > 0.98
    assert found["kinds"]["line"]["recall"] == {"value": 1.0, "n": 1}


def test_an_unreadable_answer_costs_its_parse_and_all_its_objects() -> None:
    found = scores(four_records(), lambda r: "?" if r.id == "full" else right(r))
    assert found["parse_rate"]["value"] == 0.75
    assert found["faults"] == {"syntax": 1}
    assert (found["f1_50"]["tp"], found["f1_50"]["fp"], found["f1_50"]["fn"]) == (3, 0, 4)


def test_inventing_things_in_an_empty_image_costs_precision() -> None:
    def inventive(item: Record) -> str:
        return say([LOOSE]) if item.id == "empty" else right(item)

    found = scores(four_records(), inventive)
    assert (found["precision"]["value"], found["precision"]["n"]) == (7 / 8, 8)
    assert found["recall"]["value"] == 1.0


def test_classes_that_are_only_predicted_are_listed_too() -> None:
    ghost = thing("类别=鬼", "line", 1, 1, 50, 50)
    classes = scores(four_records(), lambda r: say([ghost]))["classes"]
    assert classes["鬼"]["recall"] == {"value": None, "n": 0}
    assert classes["鬼"]["precision"] == {"value": 0.0, "n": 4}
    assert classes["螺丝"]["precision"] == {"value": None, "n": 0}
    assert classes["螺丝"]["f1_50"]["value"] == 0.0


def test_the_class_counts_add_up_to_the_whole() -> None:
    found = scores(four_records(), lambda r: say([SCREW, SHIELD]))
    assert sum(c["recall"]["n"] for c in found["classes"].values()) == found["recall"]["n"]
    assert sum(c["predicted"] for c in found["classes"].values()) == found["precision"]["n"]


def test_no_images_give_no_values_and_no_interval() -> None:
    found = scores_of([])
    assert found["parse_rate"] == {"value": None, "n": 0, "ci95": None}
    assert found["f1_50"]["value"] is None


def test_intervals_are_the_same_for_the_same_seed_and_hold_the_value() -> None:
    records = [record(f"r{i}", SCREW, LOOSE) for i in range(40)]

    def sometimes(item: Record) -> str:
        return right(item) if int(item.id[1:]) % 3 else "?"

    first, second = scores(records, sometimes), scores(records, sometimes)
    assert first == second
    for name in ("parse_rate", "f1_50"):
        low, high = first[name]["ci95"]
        assert low < first[name]["value"] < high


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for seed in range(200):
        column = (rng.random(80) < 0.7).astype(float)
        interval = bootstrap(np.stack([column, np.ones(80)], axis=1), share_of, 300, seed)
        assert interval is not None
        hits += interval[0] <= 0.7 <= interval[1]
    assert 175 <= hits <= 199


def test_an_interval_needs_two_images_and_a_denominator() -> None:
    assert bootstrap(np.array([[1.0, 0, 0]]), f1_of, 100, 0) is None
    assert bootstrap(np.zeros((9, 3)), f1_of, 100, 0) is None


def test_differences_leave_out_what_one_side_lacks() -> None:
    own = {"f1_50": {"value": 0.8}, "ap": {"value": 0.5}}
    other = {"f1_50": {"value": 0.5}, "ap": {"value": None}}
    assert differences(own, other, ("f1_50", "ap")) == {"f1_50": pytest.approx(0.3)}


def test_descriptions_are_judged_among_matched_things_beside_the_majority() -> None:
    records = [record("a", SCREW, LOOSE), record("b", SCREW), record("c", SCREW)]
    always_good = [SCREW, thing(SCREW.desc, "bbox_2d", *LOOSE.points)]
    found = attribute_scores(matches_of(records, lambda r: say(always_good[: len(r.objects)])))
    assert found["description_accuracy"] == {"value": 3 / 4, "n": 4}
    assert found["majority_baseline"] == {"value": 3 / 4, "n": 4}
    assert found["negative_recall"] == {"value": 0.0, "n": 1}
    assert found["negative_precision"] == {"value": None, "n": 0}
    assert found["attributes"]["符合性"] == {"value": 3 / 4, "n": 4, "majority_baseline": 3 / 4}


def test_a_negative_thing_that_is_not_found_lowers_the_negative_recall() -> None:
    records = [record("a", LOOSE), record("b", LOOSE)]
    found = attribute_scores(matches_of(records, lambda r: right(r) if r.id == "a" else say([])))
    assert found["negative_recall"] == {"value": 0.5, "n": 2}
    assert found["description_accuracy"] == {"value": 1.0, "n": 1}


def test_average_precision_of_right_answers_is_one_over_boxes_and_polygons_only() -> None:
    records = four_records()
    found = coco_scores(records, matches_of(records, right)).figures
    assert found["ap50"]["value"] == pytest.approx(1.0)
    assert found["ap50"]["n"] == 6
    assert "lines left out" in found["ap50"]["label"]


def test_average_precision_is_zero_when_nothing_is_said_and_absent_when_nothing_is_there() -> None:
    records = four_records()
    silent = coco_scores(records, matches_of(records, lambda r: say([])))
    assert silent.figures["ap"]["value"] == 0.0
    lines = [record("x", FIBRE)]
    absent = coco_scores(lines, matches_of(lines, right)).figures["ap"]
    assert (absent["value"], absent["n"]) == (None, 0)


def test_average_precision_of_a_known_case() -> None:
    """One class, two true boxes; the first of three predictions is right, then a wrong one, then
    a right one. Precision at recall 0.5 is 1, at recall 1 it is 2/3; 101 recall points."""
    first, second = record("a", SCREW), record("b", SCREW)
    wrong = thing(SCREW.desc, "bbox_2d", 120, 120, 180, 180)
    answers = {"a": say([SCREW, wrong]), "b": say([SCREW])}
    matches = matches_of([first, second], lambda r: answers[r.id])
    found = coco_scores([first, second], matches).figures
    assert found["ap50"]["value"] == pytest.approx((51 * 1 + 50 * 2 / 3) / 101)


def test_quick_gives_the_two_figures_of_the_full_evaluation() -> None:
    records = four_records()
    texts = [right(r) if r.id != "one" else "?" for r in records]
    full = scores(records, lambda r: texts[records.index(r)])
    assert quick(records, texts) == {
        "parse_rate": full["parse_rate"]["value"], "f1_50": full["f1_50"]["value"]
    }


def test_quick_leaves_out_what_has_no_denominator_and_wants_one_text_per_record() -> None:
    assert quick([], []) == {}
    assert quick([record("empty")], [say([])]) == {"parse_rate": 1.0}
    with pytest.raises(ValueError, match="zip"):
        quick(four_records(), ["?"])
