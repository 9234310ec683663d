"""The geometry diff: every object has one mark, and the marks add up."""

from __future__ import annotations

import pytest

from mlcore.contract.records import SceneObject
from mlcore.evaluate.detection import negative_scores
from mlcore.evaluate.diff import Marks, diff_scores, marks_of
from mlcore.evaluate.match import ImageMatch, match_image, read_answer, truth_things
from tests.support.answers import FIBRE, LOOSE, SCREW, SHIELD, record, say, thing


def matched(truth: list[SceneObject], text: str | None) -> ImageMatch:
    return match_image("x", truth_things(record("x", *truth)), read_answer(text), 0.5)


def marks(truth: list[SceneObject], said: list[SceneObject]) -> Marks:
    return marks_of(matched(truth, say(said)), 0.5)


NEAR = thing(SCREW.desc, "bbox_2d", 40, 10, 90, 60)
FAR = thing(SCREW.desc, "bbox_2d", 130, 130, 180, 180)
OTHER = thing("类别=标签", "bbox_2d", *SCREW.points)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ([SCREW], ("found",)),
        ([SCREW, SCREW], ("found", "duplicate")),
        ([OTHER], ("wrong_class",)),
        ([NEAR], ("misplaced",)),
        ([FAR], ("invented",)),
        ([FIBRE], ("invented",)),
        ([], ()),
    ],
)
def test_what_a_prediction_can_be(said: list[SceneObject], wanted: tuple[str, ...]) -> None:
    found = marks([SCREW], said)
    assert tuple(sorted(found.prediction)) == tuple(sorted(wanted))
    assert found.truth == (("found",) if "found" in wanted else ("missed",))


def test_nothing_true_makes_everything_invented_and_nothing_said_everything_missed() -> None:
    assert marks([], [SCREW]) == Marks((), ("invented",))
    assert marks([SCREW, SHIELD], []) == Marks(("missed", "missed"), ())


def test_the_shares_are_of_what_was_said_and_of_what_is_there() -> None:
    found = diff_scores([marks([SCREW, LOOSE], [SCREW, SCREW, FAR]), marks([SHIELD], [])])
    assert found["missed"] == {"value": 2 / 3, "n": 3, "count": 2}
    assert found["duplicate"] == {"value": 1 / 3, "n": 3, "count": 1}
    assert found["invented"]["count"] == 1
    assert found["misplaced"]["count"] == 0


def test_images_without_anything_to_find_are_scored() -> None:
    quiet, talking, broken = say([]), say([SCREW, LOOSE]), "?"
    found = negative_scores(
        [matched([], text) for text in (quiet, talking, broken)] + [matched([SCREW], talking)]
    )
    assert found["clean"] == {"value": 1 / 3, "n": 3}
    assert found["invented"] == {"value": 2 / 3, "n": 3, "count": 2}
    assert found["unreadable"] == {"value": 1 / 3, "n": 3}
