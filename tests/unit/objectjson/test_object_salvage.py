"""Right objects of object_N JSON out of any text, and the fast reading against the one by signs."""
from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.coordjson.errors import RULES
from mlcore.coordjson.types import FIELD_ORDERS, FieldOrder
from mlcore.objectjson import (
    ObjectJsonError,
    PlainObject,
    Scale,
    parse_salvage,
    parse_strict,
    render,
)
from mlcore.objectjson.parse import ObjectCursor
from mlcore.objectjson.render import render_object
from tests.support.broken import junk, mutations, wrong_objects
from tests.support.hostile import HEADS, HOSTILE, UNIQUE, growth, hostile, numbered
from tests.support.object_answers import plain_objects

BINS = Scale("norm1000")
BOX = '{"desc": "a", "bbox_2d": [1, 2, 3, 4]}'
LINE = '{"desc": "nut", "line_points": 2, "line": [[5, 6], [7, 8]]}'
BAD = '{"desc": "bad } ]", "bbox_2d": [1, 2, 3]}'
ITEM = PlainObject("a", "bbox_2d", (1, 2, 3, 4))
NUT = PlainObject("nut", "line", (5, 6, 7, 8))
TAILS = [
    "}", ",}", ', "desc": "b"}', ', "x": 1}', ' "line": []}', ', "bbox_2d": [1, 2, 3]}',
    ', "bbox_2d": []}', ', "bbox_2d": [1, 2, 3, 4]}', ', "bbox_2d": [4, 3, 2, 1]}',
    ', "bbox_2d": [1, 2, 3, 1000]}', ', "poly": [[1, 2]]}', ', "poly": [[1, 2], [3]]}',
    ', "line_points": 2, "line": [[1, 2], [3, 4]]}',
    ', "line_points": 3, "line": [[1, 2], [3, 4]]}',
    ', "line": [[1, 2], [3, 4]]}', ', "bbox_2d": [1.5]}',
]
SIGNS = ["{", "}", "[", "]", ",", ", ", '"', "\\", ":", "5", '"object_2": ', '{"object_1": ', BOX,
         '{"desc": ', '{"desc": "', '"line": [[', "desc", "[1, 2]", "\ud800", LINE, BAD, "-1", ".5"]


def answer(*objects: str) -> str:
    return "{" + ", ".join(f'"object_{n}": {o}' for n, o in enumerate(objects, start=1)) + "}"


KEPT: dict[str, str] = {
    "a good answer": answer(BOX, LINE),
    "words around": "Sure! " + answer(BOX, LINE) + " Done.",
    "an odd quote before": 'He said "look: ' + answer(BOX, LINE),
    "two answers": answer(BOX) + answer(LINE),
    "wrong numbering": answer(BOX, LINE).replace("object_2", "object_7"),
    "a list": f"[{BOX}, {LINE}]",
    "bare objects": BOX + LINE,
    "an envelope": f'{{"objects": {answer(BOX, LINE)}}}',
    "an extra key": answer(BOX, LINE)[:-1] + ', "count": 2}',
    "wrong objects between": answer(BAD, BOX, "{}", "7", LINE, '{"desc": "}"}'),
    "a cut object before": '{"object_1": {"desc": "x", "bbox_2d": [1, ' + answer(BOX, LINE),
    "no end": answer(BOX, LINE)[:-1],
    "half an object at the end": answer(BOX, LINE, BOX)[:-20],
}


@pytest.mark.parametrize("name", KEPT)
def test_every_right_object_is_kept_whatever_stands_around_it(name: str) -> None:
    text = KEPT[name]
    found = parse_salvage(text, BINS)
    assert found.items == [ITEM, NUT]
    assert [text[slice(*r.span)] for r in found.records] == [BOX, LINE]
    parts = [text[slice(*r.geometry_span)] for r in found.records]
    assert parts == ["[1, 2, 3, 4]", "[[5, 6], [7, 8]]"]


@given(st.lists(st.tuples(junk(SIGNS), plain_objects(BINS)), max_size=4), junk(SIGNS))
def test_no_junk_hides_an_object(parts: list[tuple[str, PlainObject]], after: str) -> None:
    text = "".join(before + render_object(item) for before, item in parts) + after
    found = iter(parse_salvage(text, BINS).items)
    assert all(any(item == kept for kept in found) for _, item in parts)


def anything() -> st.SearchStrategy[str]:
    good = st.lists(plain_objects(BINS), max_size=4).map(lambda objects: render(objects, BINS))
    return mutations(good, SIGNS) | junk(SIGNS) | st.text() | st.text(string.printable)


@given(anything(), st.sampled_from(FIELD_ORDERS))
def test_nothing_is_kept_that_the_strict_reading_refuses(text: str, order: FieldOrder) -> None:
    found = parse_salvage(text, BINS, order)
    for record in found.records:
        assert parse_strict(answer(text[slice(*record.span)]), BINS, order) == [record.item]
    assert list(found.record_end_cuts) == sorted(found.record_end_cuts)
    assert set(found.dropped) <= set(RULES)


def outcome(text: str, order: FieldOrder, *, fast: bool) -> object:
    objects: list[PlainObject] = []
    try:
        if fast:
            return parse_strict(text, BINS, order)
        ObjectCursor(text, BINS, order).document(objects)
    except ObjectJsonError as error:
        return error.position, error.reason, error.rule
    return objects


@given(anything(), st.sampled_from(FIELD_ORDERS))
def test_the_fast_reading_and_the_one_by_signs_agree(text: str, order: FieldOrder) -> None:
    fast = outcome(text, order, fast=True)
    assert fast == outcome(text, order, fast=False)
    if isinstance(fast, list):
        found = parse_salvage(text, BINS, order)
        assert (found.items, found.dropped, found.truncated) == (fast, {}, False)
        assert [record.index for record in found.records] == list(range(len(fast)))


DROPPED: dict[str, tuple[str, str]] = {
    "empty": ("{}", "missing_desc"),
    "no geometry": ('{"desc": "a"}', "missing_geometry"),
    "an unknown first key": ('{"label": "a", "bbox_2d": [1, 2, 3, 4]}', "unexpected_keys"),
    "three corners": (BAD, "wrong_arity"),
    "a decimal": (BOX.replace("4]", "4.5]"), "bad_number"),
    "out of range": (BOX.replace("4]", "1000]"), "bad_number"),
    "reversed corners": (BOX.replace("[1", "[9"), "reversed_corners"),
    "a wrong count of points": (LINE.replace(": 2,", ": 3,"), "line_points"),
    "no count of points": (LINE.replace('"line_points": 2, ', ""), "line_points"),
    "a number": ("7", "not_an_object"),
    "a list": ("[1, 2]", "not_an_object"),
    "words": ('"a"', "not_an_object"),
}


@pytest.mark.parametrize("name", DROPPED)
def test_a_wrong_object_is_dropped_for_the_reason_of_the_strict_reading(name: str) -> None:
    wrong, rule = DROPPED[name]
    found = parse_salvage(answer(BOX, wrong, LINE), BINS)
    assert found.items == [ITEM, NUT]
    assert found.dropped == {rule: 1}
    assert [record.index for record in found.records] == [0, 2]
    assert not found.truncated
    with pytest.raises(ObjectJsonError) as caught:
        parse_strict(answer(wrong), BINS, "any")
    assert caught.value.rule == rule


@given(st.lists(wrong_objects(TAILS), min_size=1, max_size=12), st.sampled_from(FIELD_ORDERS))
def test_many_objects_have_the_reasons_that_each_has_alone(
    texts: list[str], order: FieldOrder
) -> None:
    told = []
    for text in texts:
        try:
            parse_strict(answer(text), BINS, order)
        except ObjectJsonError as error:
            told.append(error.rule)
    assert [rule for rule, _ in parse_salvage(answer(*texts), BINS, order).drops] == told


def test_every_cut_is_truncated_and_keeps_what_was_complete() -> None:
    objects = [BOX, LINE, BOX]
    text = answer(*objects)
    for length in range(1, len(text)):
        cut = parse_salvage(text[:length], BINS)
        assert cut.truncated, text[:length]
        whole = [o for i, o in enumerate(objects) if length >= len(answer(*objects[: i + 1])) - 1]
        assert [text[slice(*record.span)] for record in cut.records] == whole
    assert parse_salvage(text, BINS).objects_array_open_cut == 1


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", [*HOSTILE, *UNIQUE])
def test_the_time_grows_with_the_text_and_no_faster(name: str, head: str) -> None:
    def make(size: int) -> str:
        if name in HOSTILE:
            return hostile(HOSTILE[name], size, head)
        return numbered(UNIQUE[name], size, head)

    assert growth(lambda text: parse_salvage(text, BINS), make) < 24
    assert growth(lambda text: parse_strict(text, BINS, "any"), make) < 24
