"""The strict reading of object_N JSON, and its one written form."""
from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.coordjson import FieldOrder
from mlcore.coordjson.errors import Rule
from mlcore.errors import DataError, GatehouseError
from mlcore.objectjson import ObjectJsonError, PlainObject, Scale, parse_strict, render
from mlcore.objectjson.scale import EMIT_NORMS, from_pixels, pixels_of, to_coord_object
from tests.support.object_answers import plain_objects

BINS = Scale("norm1000")
BODY = '"desc": "screw", "bbox_2d": [1, 2, 3, 4]'
LINE = '"desc": "fibre", "line_points": 2, "line": [[1, 2], [3, 4]]'
SCREW = PlainObject("screw", "bbox_2d", (1, 2, 3, 4))


def answer(*bodies: str) -> str:
    rows = [f'"object_{n}": {{{body}}}' for n, body in enumerate(bodies, start=1)]
    return "{" + ", ".join(rows) + "}"


@given(
    st.sampled_from([Scale("none", 640, 480), Scale("norm100"), BINS]).flatmap(
        lambda scale: st.tuples(st.just(scale), st.lists(plain_objects(scale), max_size=6))
    ),
    st.sampled_from(["desc_first", "geometry_first"]),
)
def test_what_is_rendered_is_read_back_as_it_was(
    case: tuple[Scale, list[PlainObject]], order: FieldOrder
) -> None:
    scale, objects = case
    text = render(objects, scale, order)
    assert "\n" not in text
    assert parse_strict(text, scale, order) == objects
    assert parse_strict(text, scale, "any") == objects
    assert list(json.loads(text)) == [f"object_{n + 1}" for n in range(len(objects))]


def test_the_canonical_form_is_that_of_plain_json() -> None:
    objects = [
        PlainObject("类别=螺丝,符合性=符合", "bbox_2d", (110, 310, 410, 705)),
        PlainObject("标签", "poly", (1, 2, 3, 4, 5, 6)),
        PlainObject("光纤", "line", (1, 2, 3, 4)),
    ]
    text = render(objects, BINS)
    assert text == (
        '{"object_1": {"desc": "类别=螺丝,符合性=符合", "bbox_2d": [110, 310, 410, 705]}, '
        '"object_2": {"desc": "标签", "poly": [[1, 2], [3, 4], [5, 6]]}, '
        '"object_3": {"desc": "光纤", "line_points": 2, "line": [[1, 2], [3, 4]]}}'
    )
    assert text == json.dumps(json.loads(text), ensure_ascii=False)


def test_nothing_in_the_image_is_an_empty_object() -> None:
    assert render([], BINS) == "{}"
    assert parse_strict(" { } ", BINS) == []


REFUSED: dict[str, tuple[str, Rule]] = {
    "nothing": ("", "truncated"),
    "a list": ("[" + answer(BODY) + "]", "syntax"),
    "words before": ("Sure: " + answer(BODY), "syntax"),
    "words after": (answer(BODY) + " done", "syntax"),
    "a comma at the end": (answer(BODY)[:-1] + ", }", "syntax"),
    "a start at 0": (answer(BODY).replace("object_1", "object_0"), "bad_index"),
    "a start at 2": (answer(BODY).replace("object_1", "object_2"), "bad_index"),
    "a gap": (answer(BODY, BODY).replace("object_2", "object_3"), "bad_index"),
    "a repeated index": (answer(BODY, BODY).replace("object_2", "object_1"), "bad_index"),
    "leading zeros": (answer(BODY).replace("object_1", "object_01"), "bad_index"),
    "another key": (answer(BODY).replace("object_1", "objects"), "bad_index"),
    "an entry that is no object": ('{"object_1": [1, 2, 3, 4]}', "not_an_object"),
    "an empty object": (answer(""), "missing_desc"),
    "only a description": (answer('"desc": "a"'), "missing_geometry"),
    "only a geometry": (answer('"bbox_2d": [1, 2, 3, 4]'), "missing_desc"),
    "a third key": (answer(BODY + ', "score": 1'), "unexpected_keys"),
    "an unknown key": (answer(BODY.replace("bbox_2d", "bbox")), "unexpected_keys"),
    "two descriptions": (answer('"desc": "a", "desc": "b"'), "unexpected_keys"),
    "two geometries": (
        answer('"bbox_2d": [1, 2, 3, 4], "poly": [[1, 2], [3, 4], [5, 6]]'), "unexpected_keys"
    ),
    "the same geometry twice": (
        answer('"bbox_2d": [1, 2, 3, 4], "bbox_2d": [1, 2, 3, 4]'), "unexpected_keys"
    ),
    "the same line twice": (
        answer('"line_points": 2, "line": [[1, 2], [3, 4]], '
               '"line_points": 2, "line": [[1, 2], [3, 4]]'), "unexpected_keys"
    ),
    "a blank description": (answer(BODY.replace("screw", " ")), "bad_desc"),
    "a description that is a number": (answer(BODY.replace('"screw"', "7")), "bad_desc"),
    "three corners": (answer('"desc": "a", "bbox_2d": [1, 2, 3]'), "wrong_arity"),
    "a box of points": (answer('"desc": "a", "bbox_2d": [[1, 2], [3, 4]]'), "bad_number"),
    "a flat polygon": (answer('"desc": "a", "poly": [1, 2, 3, 4, 5, 6]'), "bad_number"),
    "two points of a polygon": (answer('"desc": "a", "poly": [[1, 2], [3, 4]]'), "wrong_arity"),
    "a point of three": (answer('"desc": "a", "poly": [[1, 2, 3], [3, 4]]'), "wrong_arity"),
    "no points": (answer('"desc": "a", "poly": []'), "wrong_arity"),
    "reversed corners": (answer(BODY.replace("1,", "9,")), "reversed_corners"),
    "a bin too large": (answer(BODY.replace("4]", "1000]")), "bad_number"),
    "a negative number": (answer(BODY.replace("1,", "-1,")), "bad_number"),
    "a decimal": (answer(BODY.replace("1,", "1.0,")), "bad_number"),
    "an exponent": (answer(BODY.replace("1,", "1e0,")), "bad_number"),
    "a leading zero": (answer(BODY.replace("1,", "01,")), "bad_number"),
    "a quoted number": (answer(BODY.replace("1,", '"1",')), "bad_number"),
    "a coordinate token": (answer(BODY.replace("1,", "<|coord_1|>,")), "bad_number"),
    "digits of another script": (answer(BODY.replace("1,", "１,")), "bad_number"),
    "a number without end": (answer(BODY.replace("1,", "9" * 50_000 + ",")), "bad_number"),
    "a line without its count": (
        answer('"desc": "a", "line": [[1, 2], [3, 4]]'), "line_points"
    ),
    "a count that is wrong": (answer(LINE.replace(': 2,', ': 3,')), "line_points"),
    "a count after its line": (
        answer('"desc": "a", "line": [[1, 2], [3, 4]], "line_points": 2'), "line_points"
    ),
    "a count without a line": (answer('"desc": "a", "line_points": 2'), "line_points"),
    "a count before a polygon": (
        answer('"desc": "a", "line_points": 3, "poly": [[1, 2], [3, 4], [5, 6]]'), "line_points"
    ),
    "poly_points": (
        answer('"desc": "a", "poly_points": 3, "poly": [[1, 2], [3, 4], [5, 6]]'),
        "unexpected_keys",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses(name: str) -> None:
    text, rule = REFUSED[name]
    with pytest.raises(ObjectJsonError) as caught:
        parse_strict(text, BINS, "any")
    assert caught.value.rule == rule
    assert 0 <= caught.value.position <= len(text)
    assert isinstance(caught.value, GatehouseError)


def test_the_keys_stand_in_the_order_that_was_asked_for() -> None:
    flipped = answer('"bbox_2d": [1, 2, 3, 4], "desc": "screw"')
    assert parse_strict(flipped, BINS, "geometry_first") == [SCREW]
    for text, order in ((flipped, "desc_first"), (answer(BODY), "geometry_first")):
        with pytest.raises(ObjectJsonError) as caught:
            parse_strict(text, BINS, order)  # type: ignore[arg-type]
        assert caught.value.rule == "order_violation"


@pytest.mark.parametrize(
    ("scale", "last"),
    [(BINS, (999, 999)), (Scale("norm100"), (99, 99)), (Scale("none", 640, 480), (640, 480))],
)
def test_numbers_reach_the_end_of_their_scale_and_no_further(
    scale: Scale, last: tuple[int, int]
) -> None:
    x, y = last
    good = PlainObject("a", "bbox_2d", (0, 0, x, y))
    text = render([good], scale)
    assert parse_strict(text, scale) == [good]
    for wrong in ((0, 0, x + 1, y), (0, 0, x, y + 1)):
        with pytest.raises(ObjectJsonError) as caught:
            parse_strict(answer(f'"desc": "a", "bbox_2d": {list(wrong)}'), scale)
        assert caught.value.rule == "bad_number"
        with pytest.raises(ObjectJsonError):
            render([PlainObject("a", "bbox_2d", wrong)], scale)


def test_pixels_need_the_size_of_the_image() -> None:
    with pytest.raises(DataError, match="width and height"):
        Scale("none")


@pytest.mark.parametrize("norm", EMIT_NORMS)
def test_pixels_come_back_within_half_a_step(norm: str) -> None:
    scale = Scale(norm, 640, 480)  # type: ignore[arg-type]
    points = (0.0, 0.0, 123.4, 456.6, 639.0, 479.0)
    item = from_pixels("a", "poly", points, scale)
    step = {"none": 1.0, "norm100": 639 / 99, "norm1000": 639 / 999}[norm]
    back = pixels_of(item, scale)
    assert max(abs(a - b) for a, b in zip(back, points, strict=True)) <= step / 2
    grid = to_coord_object(item, scale).bins
    assert all(0 <= value <= 999 for value in grid)
    assert grid[:2] == (0, 0)
    assert grid[4:] == (999, 999)


def pieces() -> st.SearchStrategy[str]:
    signs = ['{"object_1": ', "{", "}", "[", "]", ",", ":", '"', "\\", "\\u", '"desc": "a"', BODY,
             LINE, '"bbox_2d"', '"poly"', '"line_points"', "1", "-", ".5", " ", "\n", "\ud800"]
    return st.lists(st.sampled_from(signs) | st.text(string.printable, max_size=3)).map("".join)


@given(pieces() | st.text())
def test_no_text_makes_it_raise_anything_else(text: str) -> None:
    try:
        objects = parse_strict(text, BINS, "any")
    except ObjectJsonError as error:
        assert 0 <= error.position <= len(text)
        assert error.reason.isprintable()
    else:
        assert parse_strict(render(objects, BINS), BINS) == objects


def test_every_cut_of_a_good_answer_is_refused_at_its_end_or_before() -> None:
    text = answer(BODY, LINE)
    for length in range(len(text)):
        with pytest.raises(ObjectJsonError) as caught:
            parse_strict(text[:length], BINS)
        assert caught.value.position <= length


@pytest.mark.parametrize("bad", ["{" * 100_000, "[" * 100_000, '{"object_1": ' * 100_000])
def test_deep_nesting_is_only_a_fault(bad: str) -> None:
    with pytest.raises(ObjectJsonError):
        parse_strict(bad, BINS)
