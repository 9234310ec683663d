"""The strict reading of model output, and its one written form."""
from __future__ import annotations

import string
from collections.abc import Callable
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.coordjson import (
    FIELD_ORDERS,
    CoordJsonError,
    CoordObject,
    FieldOrder,
    parse_strict,
    render,
)
from mlcore.coordjson.errors import Rule
from mlcore.coordjson.parse import CoordCursor
from mlcore.errors import GatehouseError
from tests.support.broken import mutations
from tests.support.hostile import HEADS, HOSTILE, growth, hostile
from tests.support.object_answers import coord_objects

BOX = '{"desc": "screw", "bbox_2d": [<|coord_1|>, <|coord_2|>, <|coord_3|>, <|coord_4|>]}'
FLIPPED = '{"bbox_2d": [<|coord_1|>, <|coord_2|>, <|coord_3|>, <|coord_4|>], "desc": "screw"}'
SCREW = CoordObject("screw", "bbox_2d", (1, 2, 3, 4))


def answer(*objects: str) -> str:
    return '{"objects": [' + ", ".join(objects) + "]}"


def coords(*bins: int) -> str:
    return ", ".join(f"<|coord_{value}|>" for value in bins)


@given(st.lists(coord_objects(), max_size=6), st.sampled_from(["desc_first", "geometry_first"]))
def test_what_is_rendered_is_read_back_as_it_was(
    objects: list[CoordObject], order: FieldOrder
) -> None:
    text = render(objects, order)
    assert "\n" not in text
    assert parse_strict(text, order) == objects
    assert parse_strict(text, "any") == objects
    assert render(parse_strict(text, order), order) == text


def test_the_canonical_form_is_one_line_with_plain_words() -> None:
    item = CoordObject("类别=螺丝,符合性=符合", "bbox_2d", (110, 310, 410, 705))
    assert render([item]) == (
        '{"objects": [{"desc": "类别=螺丝,符合性=符合", "bbox_2d": '
        "[<|coord_110|>, <|coord_310|>, <|coord_410|>, <|coord_705|>]}]}"
    )


def test_nothing_in_the_image_is_an_empty_list() -> None:
    assert render([]) == '{"objects": []}'
    assert parse_strict('{"objects": []}') == []


def test_blanks_between_the_signs_are_harmless() -> None:
    text = ' {\n"objects" :\t[ { "desc" : "a" , "line" : [ ' + coords(1, 2, 3, 4).replace(
        ",", " ,"
    ) + " ] } ] } \r\n"
    assert parse_strict(text) == [CoordObject("a", "line", (1, 2, 3, 4))]


def test_words_that_look_like_coordinates_stay_words() -> None:
    item = CoordObject('<|coord_7|>"]}', "line", (0, 0, 5, 5))
    assert parse_strict(render([item])) == [item]


def test_each_object_may_have_its_own_key_order_only_when_any_is_asked_for() -> None:
    assert parse_strict(answer(BOX, FLIPPED), "any") == [SCREW, SCREW]
    for order, position in (("desc_first", 1), ("geometry_first", 0)):
        with pytest.raises(CoordJsonError) as caught:
            parse_strict(answer(BOX, FLIPPED), order)  # type: ignore[arg-type]
        assert caught.value.rule == "order_violation"
        assert caught.value.position > position * len(BOX)


REFUSED: dict[str, tuple[str, Rule]] = {
    "nothing": ("", "truncated"),
    "another top key": ('{"things": []}', "unexpected_keys"),
    "a second top key": ('{"objects": [], "more": 1}', "unexpected_keys"),
    "a comma after the list": ('{"objects": [],}', "unexpected_keys"),
    "words before": ("Sure: " + answer(BOX), "syntax"),
    "words after": (answer(BOX) + " done", "syntax"),
    "a second answer": (answer(BOX) + answer(BOX), "syntax"),
    "a bare list": ("[" + BOX + "]", "syntax"),
    "a comma after the last object": (answer(BOX)[:-2] + ", ]}", "syntax"),
    "a comma before the first object": ('{"objects": [, ' + BOX + "]}", "syntax"),
    "no comma between objects": (answer(BOX + " " + BOX), "syntax"),
    "an object that is a word": (answer('"screw"'), "not_an_object"),
    "a comma after the last key": (answer(BOX[:-1] + ", }"), "syntax"),
    "a comma after the last coordinate": (answer(BOX.replace("4|>", "4|>, ")), "non_coord_token"),
    "leading zeros": (answer(BOX.replace("<|coord_1|>", "<|coord_01|>")), "non_coord_token"),
    "four digits": (answer(BOX.replace("<|coord_4|>", "<|coord_1000|>")), "non_coord_token"),
    "a negative bin": (answer(BOX.replace("<|coord_1|>", "<|coord_-1|>")), "non_coord_token"),
    "digits of another script": (
        answer(BOX.replace("<|coord_1|>", "<|coord_１|>")),
        "non_coord_token",
    ),
    "a plain number": (answer(BOX.replace("<|coord_1|>", "1")), "non_coord_token"),
    "a quoted coordinate": (answer(BOX.replace("<|coord_1|>", '"<|coord_1|>"')), "non_coord_token"),
    "nested coordinates": (answer(BOX.replace("[<|", "[[<|")), "non_coord_token"),
    "a geometry that is no list": (answer('{"desc": "a", "line": "x"}'), "non_coord_token"),
    "no coordinates": (answer('{"desc": "a", "line": []}'), "wrong_arity"),
    "three corners of a box": (
        answer(f'{{"desc": "a", "bbox_2d": [{coords(1, 2, 3)}]}}'),
        "wrong_arity",
    ),
    "six numbers for a box": (
        answer(f'{{"desc": "a", "bbox_2d": [{coords(1, 2, 3, 4, 5, 6)}]}}'), "wrong_arity"
    ),
    "two points of a polygon": (
        answer(f'{{"desc": "a", "poly": [{coords(1, 2, 3, 4)}]}}'), "wrong_arity"
    ),
    "half a point of a polygon": (
        answer(f'{{"desc": "a", "poly": [{coords(1, 2, 3, 4, 5, 6, 7)}]}}'), "wrong_arity"
    ),
    "one point of a line": (answer(f'{{"desc": "a", "line": [{coords(1, 2)}]}}'), "wrong_arity"),
    "left and right swapped": (
        answer(f'{{"desc": "a", "bbox_2d": [{coords(5, 2, 3, 4)}]}}'), "reversed_corners"
    ),
    "top and bottom swapped": (
        answer(f'{{"desc": "a", "bbox_2d": [{coords(1, 9, 3, 4)}]}}'), "reversed_corners"
    ),
    "an unknown key": (answer(BOX.replace("bbox_2d", "bbox")), "unexpected_keys"),
    "two descriptions": (answer('{"desc": "a", "desc": "b"}'), "unexpected_keys"),
    "the same geometry twice": (
        answer(f'{{"line": [{coords(1, 2, 3, 4)}], "line": [{coords(1, 2, 3, 4)}]}}'),
        "unexpected_keys",
    ),
    "two geometries": (
        answer(f'{{"line": [{coords(1, 2, 3, 4)}], "bbox_2d": [{coords(1, 2, 3, 4)}]}}'),
        "unexpected_keys",
    ),
    "a third key": (answer(BOX[:-1] + ', "desc": "b"}'), "unexpected_keys"),
    "only a description": (answer('{"desc": "a"}'), "missing_geometry"),
    "only a geometry": (answer(f'{{"line": [{coords(1, 2, 3, 4)}]}}'), "missing_desc"),
    "an empty object": (answer("{}"), "missing_desc"),
    "a blank description": (answer(BOX.replace("screw", "  ")), "bad_desc"),
    "a description that is a number": (answer(BOX.replace('"screw"', "7")), "bad_desc"),
    "an escaped line break": (answer(BOX.replace("screw", "a\\nb")), "bad_desc"),
    "an escaped tab": (answer(BOX.replace("screw", "a\\tb")), "bad_desc"),
    "another line break": (answer(BOX.replace("screw", "a\u2028b")), "bad_desc"),
    "a control character": (answer(BOX.replace("screw", "a\x7fb")), "bad_desc"),
    "an escaped key": (answer(BOX.replace('"desc"', '"d\\u0065sc"')), "unexpected_keys"),
    "an escaped top key": (answer(BOX).replace("objects", "\\u006fbjects"), "unexpected_keys"),
    "a raw line break": (answer(BOX.replace("screw", "a\nb")), "bad_desc"),
    "half a surrogate pair": (answer(BOX.replace("screw", "\\ud800")), "bad_desc"),
    "an unknown escape": (answer(BOX.replace("screw", "\\x41")), "bad_desc"),
    "single quotes": (answer(BOX).replace('"', "'"), "syntax"),
    "a comment": ('{"objects": [] /* none */}', "syntax"),
    "a byte order mark": ("\ufeff" + answer(BOX), "syntax"),
    "a blank that JSON does not know": ("\u00a0" + answer(BOX), "syntax"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses(name: str) -> None:
    text, rule = REFUSED[name]
    with pytest.raises(CoordJsonError) as caught:
        parse_strict(text, "any")
    assert caught.value.rule == rule
    assert 0 <= caught.value.position <= len(text)


def test_every_cut_of_a_good_answer_is_refused_at_its_end_or_before() -> None:
    text = answer(BOX, BOX)
    for length in range(len(text)):
        with pytest.raises(CoordJsonError) as caught:
            parse_strict(text[:length])
        assert caught.value.position <= length


def test_the_fault_names_its_place_and_reason() -> None:
    text = answer(BOX.replace("<|coord_3|>", "<|coord_03|>"))
    with pytest.raises(CoordJsonError) as caught:
        parse_strict(text)
    assert isinstance(caught.value, GatehouseError)
    assert text[caught.value.position :].startswith("<|coord_03|>")
    assert "coordinate token" in caught.value.reason


def pieces() -> st.SearchStrategy[str]:
    signs = ['{"objects": [', "]}", "{", "}", "[", "]", ",", ":", '"', "\\", "\\u", '"desc"', BOX,
             '"bbox_2d"', '"poly"', '"line"', "<|coord_1|>", "<|coord_", "|>", " ", "\n", "\ud800"]
    return st.lists(st.sampled_from(signs) | st.text(string.printable, max_size=3)).map("".join)


@given(pieces() | st.text())
def test_no_text_makes_it_raise_anything_else(text: str) -> None:
    try:
        objects = parse_strict(text, "any")
    except CoordJsonError as error:
        assert 0 <= error.position <= len(text)
        assert error.reason.isprintable()
    else:
        assert parse_strict(render(objects)) == objects


def by_signs(text: str, order: FieldOrder) -> list[CoordObject]:
    objects: list[CoordObject] = []
    CoordCursor(text, order).document(objects)
    return objects


def outcome(read: Callable[[str, FieldOrder], object], text: str, order: FieldOrder) -> object:
    try:
        return read(text, order)
    except CoordJsonError as error:
        return error.position, error.reason, error.rule


SIGNS = ["{", "}", "[", "]", ",", ", ", " ", "\n", '"', "\\", ":", "<|coord_5|>", "01", "|>",
         "desc", '"line": ', "\\u0041", "\x00", "]}", BOX]


@given(
    mutations(st.lists(coord_objects(), max_size=4).map(render), SIGNS),
    st.sampled_from(FIELD_ORDERS),
)
def test_the_fast_reading_and_the_one_by_signs_agree(text: str, order: FieldOrder) -> None:
    assert outcome(parse_strict, text, order) == outcome(by_signs, text, order)


@given(st.lists(coord_objects(), max_size=4), st.sampled_from([" ", "\n", "\t\r", ""]))
def test_other_blanks_are_read_as_fast(objects: list[CoordObject], blank: str) -> None:
    text = f"{blank}{{{blank}" + render(objects)[1:]
    if not any(sign in o.desc for o in objects for sign in ('": ', "|>, ")):
        text = text.replace('": ', f'"{blank}:{blank}').replace("|>, ", f"|>{blank},{blank}")
    with mock.patch.object(CoordCursor, "rest", side_effect=AssertionError("slow")):
        assert not objects or parse_strict(text) == objects


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", HOSTILE)
def test_the_time_grows_with_the_text_and_no_faster(name: str, head: str) -> None:
    def read(text: str) -> None:
        parse_strict(text, "any")

    assert growth(read, lambda size: hostile(HOSTILE[name], size, head)) < 24


@pytest.mark.parametrize("bad", ["{" * 100_000, "[" * 100_000, '{"objects": ' + "[" * 100_000])
def test_deep_nesting_is_only_a_fault(bad: str) -> None:
    with pytest.raises(CoordJsonError):
        parse_strict(bad)


@pytest.mark.parametrize(
    "item",
    [
        CoordObject("", "line", (1, 2, 3, 4)),
        CoordObject("a\nb", "line", (1, 2, 3, 4)),
        CoordObject("a", "line", (1, 2, 3)),
        CoordObject("a", "line", (1, 2, 3, 1000)),
        CoordObject("a", "bbox_2d", (5, 2, 3, 4)),
        CoordObject("\ud800", "line", (1, 2, 3, 4)),
    ],
)
def test_what_would_be_refused_is_not_rendered(item: CoordObject) -> None:
    with pytest.raises(CoordJsonError) as caught:
        render([SCREW, item])
    assert caught.value.position == len(answer(BOX)) - 2 + len(", ")
