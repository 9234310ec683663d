"""The door of both grammars: what is written in a format is read back through it."""
from __future__ import annotations

import itertools

import pytest
from pydantic import ValidationError

from mlcore.contract.records import SceneObject
from mlcore.coordjson import AnswerError, CoordObject
from mlcore.coordjson.format import AnswerFormat, count_salvaged, read_answer, write_answer
from mlcore.coordjson.types import FIELD_ORDERS
from mlcore.errors import DataError
from mlcore.geometry.spaces import to_bins
from mlcore.objectjson.scale import EMIT_NORMS

WIDTH, HEIGHT = 640, 480
SCENE = [
    SceneObject("类别=螺丝,符合性=符合", "bbox_2d", (10, 20, 110, 220)),
    SceneObject('a "quoted" \\ desc', "poly", (0, 0, 640, 0, 640, 480, 3.4, 400.5)),
    SceneObject("光纤", "line", (1, 1, 99, 99, 200, 50)),
]
FORMATS = [
    AnswerFormat(grammar="coordjson", field_order=order) for order in FIELD_ORDERS
] + [
    AnswerFormat(grammar="objectjson", emit_norm=norm, field_order=order)
    for norm, order in itertools.product(EMIT_NORMS, FIELD_ORDERS)
]


@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_what_is_written_is_read_back(format: AnswerFormat) -> None:
    text = write_answer(SCENE, format, WIDTH, HEIGHT)
    found = read_answer(text, format, WIDTH, HEIGHT)
    steps = 99 if (format.grammar, format.emit_norm) == ("objectjson", "norm100") else 999
    for said, true in zip(found, SCENE, strict=True):
        assert (said.desc, said.kind) == (true.desc, true.kind)
        exact = to_bins(true.points, WIDTH, HEIGHT)
        assert max(abs(a - b) for a, b in zip(said.bins, exact, strict=True)) <= 500 / steps + 1


@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_right_objects_of_a_text_that_ends_too_early_are_counted(format: AnswerFormat) -> None:
    text = write_answer(SCENE, format, WIDTH, HEIGHT)
    assert count_salvaged(f"Sure: {text} Done.", format, WIDTH, HEIGHT) == len(SCENE)
    assert count_salvaged(text[:-5], format, WIDTH, HEIGHT) == len(SCENE) - 1
    assert count_salvaged("?", format, WIDTH, HEIGHT) == 0


def test_coordjson_and_thousandths_mean_the_same_bins() -> None:
    plain = AnswerFormat(grammar="objectjson", emit_norm="norm1000")
    text = write_answer(SCENE, plain, WIDTH, HEIGHT)
    exact = [CoordObject(o.desc, o.kind, to_bins(o.points, WIDTH, HEIGHT)) for o in SCENE]
    assert read_answer(text, plain, WIDTH, HEIGHT) == exact


@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_an_answer_of_the_other_grammar_is_refused(format: AnswerFormat) -> None:
    other = "coordjson" if format.grammar == "objectjson" else "objectjson"
    text = write_answer(SCENE, AnswerFormat(grammar=other), WIDTH, HEIGHT)
    with pytest.raises(AnswerError):
        read_answer(text, format, WIDTH, HEIGHT)


def test_a_point_outside_the_image_is_not_written() -> None:
    with pytest.raises(DataError, match="outside"):
        write_answer(SCENE, AnswerFormat(), 100, 100)


def test_a_format_takes_no_other_names() -> None:
    with pytest.raises(ValidationError):
        AnswerFormat(grammar="toon")
