"""Right objects out of any text."""
from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.coordjson import (
    FIELD_ORDERS,
    CoordJsonError,
    CoordObject,
    FieldOrder,
    parse_salvage,
    parse_strict,
    render,
)
from mlcore.coordjson.errors import RULES
from mlcore.coordjson.render import render_object
from tests.support.broken import junk, mutations, wrong_objects
from tests.support.hostile import BOX, HEADS, HOSTILE, UNIQUE, growth, hostile, numbered
from tests.support.object_answers import coord_objects

ITEM = CoordObject("a", "bbox_2d", (1, 2, 3, 4))
NUT = CoordObject("nut", "line", (5, 6, 7, 8))
NUT_TEXT = '{"desc": "nut", "line": [<|coord_5|>, <|coord_6|>, <|coord_7|>, <|coord_8|>]}'
FLIPPED = '{"line": [<|coord_5|>, <|coord_6|>, <|coord_7|>, <|coord_8|>], "desc": "nut"}'
BAD = '{"desc": "bad } ]", "bbox_2d": [1, 2, 3, 4]}'
TOKENS = [f"<|coord_{value}|>" for value in (1, 2, 3, 4)]
COORD_TAILS = [
    "}", ",}", ', "desc": "b"}', ', "x": 1}', ' "line": []}', ', "bbox_2d": [1, 2, 3]}',
    ', "bbox_2d": []}', f', "line": [{", ".join(TOKENS)}]}}', f', "bbox_2d": [{TOKENS[3]}]}}',
    f', "bbox_2d": [{", ".join(reversed(TOKENS))}]}}', f', "poly": [{", ".join(TOKENS)},]}}',
]
SIGNS = ["{", "}", "[", "]", ",", ", ", '"', "\\", ":", "<|coord_5|>", '{"objects": [', "]}", BOX,
         '{"desc": ', '{"desc": "', '"line": [', "desc", "```json\n", "\ud800", NUT_TEXT, BAD]


def answer(*objects: str) -> str:
    return '{"objects": [' + ", ".join(objects) + "]}"


KEPT: dict[str, str] = {
    "a good answer": answer(BOX, NUT_TEXT),
    "words before and after": "Sure! " + answer(BOX, NUT_TEXT) + " Anything else?",
    "a fence": "```json\n" + answer(BOX, NUT_TEXT) + "\n```",
    "an odd quote before": 'He said "look: ' + answer(BOX, NUT_TEXT),
    "an odd brace before": "use { to start " + answer(BOX, NUT_TEXT),
    "a backslash before": "\\" + answer(BOX, NUT_TEXT),
    "braces in words": "like {this} or {that}: " + answer(BOX, NUT_TEXT) + " {}",
    "two answers": answer(BOX) + " " + answer(NUT_TEXT),
    "an answer in an answer": answer(BOX, answer(NUT_TEXT)),
    "a list without its key": f"[{BOX}, {NUT_TEXT}]",
    "bare objects": f"{BOX}\n{NUT_TEXT}",
    "another key": f'{{"things": [{BOX}, {NUT_TEXT}]}}',
    "an extra key before": f'{{"note": "x", "objects": [{BOX}, {NUT_TEXT}]}}',
    "an extra key after": f'{{"objects": [{BOX}, {NUT_TEXT}], "count": 2}}',
    "objects as values": f'{{"a": {BOX}, "b": {NUT_TEXT}}}',
    "missing commas": answer(BOX + NUT_TEXT),
    "doubled commas": answer(BOX + ", , " + NUT_TEXT + ","),
    "words between": answer(BOX) [:-2] + " and then " + NUT_TEXT + "]}",
    "entries that are no objects": answer("1", BOX, '"nut"', "null", "[2]", NUT_TEXT),
    "wrong objects between": answer(BAD, BOX, "{}", NUT_TEXT, '{"desc": "}"}'),
    "a cut object before": answer('{"desc": "x", "bbox_2d": [<|coord_1|>, ' + BOX, NUT_TEXT),
    "an open description before": answer('{"desc": "x, ' + BOX, NUT_TEXT),
    "an open list before": answer('{"desc": "x", "bbox_2d": [' + BOX + "]}", NUT_TEXT),
    "a closing brace too many": answer(BOX + "}", NUT_TEXT),
    "closers first": "]}]}" + answer(BOX, NUT_TEXT),
    "no end": answer(BOX, NUT_TEXT)[:-2],
    "half an object at the end": answer(BOX, NUT_TEXT, BOX)[:-40],
    "a chat turn": "<|im_start|>assistant\n" + answer(BOX, NUT_TEXT) + "<|im_end|>",
}


@pytest.mark.parametrize("name", KEPT)
def test_every_right_object_is_kept_whatever_stands_around_it(name: str) -> None:
    text = KEPT[name]
    found = parse_salvage(text)
    assert found.items == [ITEM, NUT]
    assert [text[slice(*record.span)] for record in found.records] == [BOX, NUT_TEXT]
    for record in found.records:
        part = text[slice(*record.geometry_span)]
        assert (part[0], part[-1]) == ("[", "]")
        assert part.count("<|coord_") == len(record.item.bins)


@given(st.lists(st.tuples(junk(SIGNS), coord_objects()), max_size=4), junk(SIGNS))
def test_no_junk_hides_an_object(parts: list[tuple[str, CoordObject]], after: str) -> None:
    text = "".join(before + render_object(item) for before, item in parts) + after
    found = iter(parse_salvage(text).items)
    assert all(any(item == kept for kept in found) for _, item in parts)


def anything() -> st.SearchStrategy[str]:
    broken = mutations(st.lists(coord_objects(), max_size=4).map(render), SIGNS)
    return broken | junk(SIGNS) | st.text() | st.text(string.printable)


@given(anything(), st.sampled_from(FIELD_ORDERS))
def test_nothing_is_kept_that_the_strict_reading_refuses(text: str, order: FieldOrder) -> None:
    found = parse_salvage(text, order)
    for record in found.records:
        alone = answer(text[slice(*record.span)])
        assert parse_strict(alone, order) == [record.item]
    ends = [record.span[1] for record in found.records]
    assert ends == sorted(ends)
    assert set(ends) <= set(found.record_end_cuts)
    assert list(found.record_end_cuts) == sorted(found.record_end_cuts)
    assert set(found.dropped) <= set(RULES)
    assert sum(found.dropped.values()) == len(found.drops)


@given(anything(), st.sampled_from(FIELD_ORDERS))
def test_what_the_strict_reading_accepts_is_kept_whole(text: str, order: FieldOrder) -> None:
    try:
        objects = parse_strict(text, order)
    except CoordJsonError:
        return
    found = parse_salvage(text, order)
    assert found.items == objects
    assert found.dropped == {}
    assert not found.truncated
    assert [record.index for record in found.records] == list(range(len(objects)))
    assert len(found.record_end_cuts) == len(objects)


DROPPED: dict[str, tuple[str, str]] = {
    "empty": ("{}", "missing_desc"),
    "no description": ('{"line": [<|coord_1|>, <|coord_1|>, <|coord_1|>, <|coord_1|>]}',
                       "missing_desc"),
    "no geometry": ('{"desc": "a"}', "missing_geometry"),
    "an unknown key": (BOX.replace("bbox_2d", "bbox"), "unexpected_keys"),
    "an unknown first key": ('{"score": 1, ' + BOX[1:], "unexpected_keys"),
    "a third key": (BOX[:-1] + ', "score": 1}', "unexpected_keys"),
    "a nested third key": (BOX[:-1] + ', "more": {"x": "}"}}', "unexpected_keys"),
    "a repeated key": ('{"desc": "a", "desc": "b"}', "unexpected_keys"),
    "a blank description": (BOX.replace('"a"', '" "'), "bad_desc"),
    "a number for words": (BOX.replace('"a"', "7"), "bad_desc"),
    "a raw line break": (BOX.replace('"a"', '"a\n"'), "bad_desc"),
    "numbers": (BAD, "non_coord_token"),
    "a number out of range": (BOX.replace("coord_4", "coord_1000"), "non_coord_token"),
    "leading zeros": (BOX.replace("coord_4", "coord_04"), "non_coord_token"),
    "three corners": (BOX.replace("<|coord_1|>, ", ""), "wrong_arity"),
    "reversed corners": (BOX.replace("coord_1|", "coord_9|"), "reversed_corners"),
    "a comma at the end": (BOX[:-1] + ",}", "syntax"),
    "no colon": ('{"desc" "a"}', "syntax"),
    "no quotes": ("{desc: 1}", "syntax"),
}


@pytest.mark.parametrize("name", DROPPED)
def test_a_wrong_object_is_dropped_for_the_reason_of_the_strict_reading(name: str) -> None:
    wrong, rule = DROPPED[name]
    text = answer(BOX, wrong, NUT_TEXT)
    found = parse_salvage(text)
    assert found.items == [ITEM, NUT]
    assert found.dropped == {rule: 1}
    assert [text[slice(*span)] for _, span in found.drops] == [wrong]
    assert [record.index for record in found.records] == [0, 2]
    assert not found.truncated
    assert [text[:cut].endswith("}") for cut in found.record_end_cuts] == [True] * 3
    with pytest.raises(CoordJsonError) as caught:
        parse_strict(answer(wrong), "any")
    assert caught.value.rule == rule


@given(st.lists(wrong_objects(COORD_TAILS), min_size=1, max_size=12), st.sampled_from(FIELD_ORDERS))
def test_many_objects_have_the_reasons_that_each_has_alone(
    texts: list[str], order: FieldOrder
) -> None:
    told = []
    for text in texts:
        try:
            parse_strict(answer(text), order)
        except CoordJsonError as error:
            told.append(error.rule)
    assert [rule for rule, _ in parse_salvage(answer(*texts), order).drops] == told


@pytest.mark.parametrize("order", ["desc_first", "geometry_first"])
def test_the_other_order_of_keys_is_dropped_when_one_is_asked_for(order: FieldOrder) -> None:
    found = parse_salvage(answer(NUT_TEXT, FLIPPED), order)
    assert found.items == [NUT]
    assert found.dropped == {"order_violation": 1}
    assert found.records[0].index == (order == "geometry_first")
    assert parse_salvage(answer(NUT_TEXT, FLIPPED)).items == [NUT, NUT]


def test_entries_that_are_no_objects_are_counted() -> None:
    text = answer("1", BOX, '"nut, {"', "null", '[2, {"x": 1}]', "words of {it}", NUT_TEXT)
    assert parse_salvage(text).dropped == {"not_an_object": 5}


@pytest.mark.parametrize("objects", [[], [BOX], [BOX, NUT_TEXT, FLIPPED]])
def test_every_cut_is_truncated_and_keeps_what_was_complete(objects: list[str]) -> None:
    text = answer(*objects)
    for length in range(1, len(text)):
        cut = parse_salvage(text[:length])
        assert cut.truncated, text[:length]
        whole = [o for i, o in enumerate(objects)
                 if length >= len(answer(*objects[: i + 1])) - 2]
        assert [text[slice(*record.span)] for record in cut.records] == whole
        assert set(cut.dropped) <= {"truncated"}
    assert not parse_salvage(text).truncated


@pytest.mark.parametrize("text", ["", "   ", "nothing to see", "use { here", 'a "quote', "[", "{}"])
def test_what_has_not_begun_is_not_truncated(text: str) -> None:
    found = parse_salvage(text)
    assert (found.items, found.dropped, found.truncated) == ([], {}, False)
    assert found.objects_array_open_cut is None


def test_the_cuts_are_where_an_answer_can_go_on() -> None:
    text = "Sure: " + answer(BOX, BAD, NUT_TEXT)[:-20]
    found = parse_salvage(text)
    opened = found.objects_array_open_cut
    assert opened is not None
    assert text[:opened].endswith('{"objects": [')
    assert [text[:cut].endswith((BOX, BAD)) for cut in found.record_end_cuts] == [True, True]
    assert found.truncated
    assert found.dropped == {"non_coord_token": 1, "truncated": 1}
    assert parse_salvage('{"objects": [').objects_array_open_cut == 13


@given(anything())
def test_cutting_at_the_last_cut_loses_no_object(text: str) -> None:
    found = parse_salvage(text)
    if found.record_end_cuts:
        assert parse_salvage(text[: found.record_end_cuts[-1]]).items == found.items


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", [*HOSTILE, *UNIQUE])
def test_the_time_grows_with_the_text_and_no_faster(name: str, head: str) -> None:
    def make(size: int) -> str:
        if name in HOSTILE:
            return hostile(HOSTILE[name], size, head)
        return numbered(UNIQUE[name], size, head)

    assert growth(parse_salvage, make) < 24
