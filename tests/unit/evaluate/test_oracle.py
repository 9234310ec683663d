"""The best of several answers to one image."""

from __future__ import annotations

from mlcore.contract.records import SceneObject
from mlcore.evaluate.match import ImageMatch, match_image, read_answer, truth_things
from mlcore.evaluate.oracle import oracle_scores
from tests.support.answers import LOOSE, SCREW, SHIELD, record, say


def matched(truth: list[SceneObject], text: str) -> ImageMatch:
    return match_image("x", truth_things(record("x", *truth)), read_answer(text), 0.5)


def test_the_best_answer_of_each_image_counts_and_the_union_finds_more() -> None:
    truth = [SCREW, LOOSE]
    first = [matched(truth, say([SCREW])), matched([SHIELD], "?")]
    second = [matched(truth, say([LOOSE])), matched([SHIELD], say([SHIELD]))]
    found = oracle_scores([first, second], 0.5)
    assert found["k"] == 2
    assert [row["f1_50"]["tp"] for row in found["curve"]] == [1, 2]
    assert found["f1_50"]["value"] == 4 / 5
    assert found["union_recall"] == {"value": 1.0, "n": 3}


def test_naming_nothing_where_nothing_is_beats_naming_something_and_silence() -> None:
    draws = [[matched([], text)] for text in ("?", say([SCREW]), say([]))]
    assert oracle_scores(draws, 0.5)["f1_50"]["fp"] == 0
    assert oracle_scores(draws[:2], 0.5)["f1_50"]["fp"] == 0


def test_one_answer_has_no_best() -> None:
    assert oracle_scores([[matched([SCREW], say([SCREW]))]], 0.5) == {}
