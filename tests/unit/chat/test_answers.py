from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.chat.answers import answer_pieces, desc_fault
from mlcore.chat.config import MessagesConfig
from mlcore.contract.records import Record, SceneObject
from mlcore.contract.summaries import IRRELEVANT
from mlcore.coordjson.builders.coordjson import CoordJson
from mlcore.coordjson.format import AnswerFormat, read_answer, write_answer
from mlcore.errors import DataError
from tests.support.scenes import make_record

FORMATS = [
    AnswerFormat(grammar=grammar, emit_norm=norm, field_order=order)
    for grammar, norms in (("coordjson", ["norm1000"]),
                           ("objectjson", ["none", "norm100", "norm1000"]))
    for norm in norms
    for order in ("desc_first", "geometry_first")
]
TRICKY = st.lists(
    st.sampled_from(['"desc": "', '"bbox_2d": [', '"line": [[3, 4', "<|coord_7|>", "]}", "12", "\\",
                     "类别=", "，", "x"]),
    min_size=1, max_size=5,
).map("".join).map(str.strip).filter(lambda text: text and not desc_fault(text))


def thing(desc: str, number: int) -> SceneObject:
    kind, points = [
        ("bbox_2d", (3.0, 4.0, 40.0, 41.0)),
        ("poly", (5.0, 5.0, 60.0, 5.0, 60.0, 50.0, 5.0, 50.0)),
        ("line", (7.0, 7.0, 12.0, 60.0, 90.0, 63.0)),
    ][number % 3]
    return SceneObject(desc, kind, points)


def record(*descs: str) -> Record:
    things = tuple(thing(desc, number) for number, desc in enumerate(descs))
    return replace(make_record(1), objects=things)


def text_of(item: Record, config: MessagesConfig, mode: str = "dense") -> str:
    return "".join(piece.text for piece in answer_pieces(item, mode, config))


def test_the_text_of_each_grammar_is_pinned() -> None:
    item = record("类别=螺丝,符合性=符合", "b", "c")
    assert text_of(item, MessagesConfig()) == (
        '{"objects": [{"desc": "类别=螺丝,符合性=符合", "bbox_2d": [<|coord_32|>, <|coord_63|>, '
        '<|coord_421|>, <|coord_650|>]}, {"desc": "b", "poly": [<|coord_53|>, <|coord_79|>, '
        '<|coord_631|>, <|coord_79|>, <|coord_631|>, <|coord_793|>, <|coord_53|>, <|coord_793|>]}, '
        '{"desc": "c", "line": [<|coord_74|>, <|coord_111|>, <|coord_126|>, <|coord_951|>, '
        '<|coord_946|>, <|coord_999|>]}]}'
    )
    pixels = AnswerFormat(grammar="objectjson", emit_norm="none")
    assert text_of(item, MessagesConfig(answer=pixels)) == (
        '{"object_1": {"desc": "类别=螺丝,符合性=符合", "bbox_2d": [3, 4, 40, 41]}, '
        '"object_2": {"desc": "b", "poly": [[5, 5], [60, 5], [60, 50], [5, 50]]}, '
        '"object_3": {"desc": "c", "line_points": 3, "line": [[7, 7], [12, 60], [90, 63]]}}'
    )


@settings(max_examples=60, deadline=None)
@given(descs=st.lists(TRICKY, max_size=4), format=st.sampled_from(FORMATS))
def test_pieces_join_to_the_answer_and_name_words_and_numbers(descs, format) -> None:
    item = record(*descs)
    config = MessagesConfig(answer=format, object_order="as_given")
    pieces = answer_pieces(item, "dense", config)
    text = "".join(piece.text for piece in pieces)
    assert text == write_answer(item.objects, format, item.width, item.height)
    read = read_answer(text, format, item.width, item.height)
    assert [found.desc for found in read] == descs
    assert len([p for p in pieces if p.name == "desc"]) == len(descs)
    numbers = sum(len(o.points) for o in item.objects)
    coords = [p for p in pieces if p.name == "coord"]
    assert len(coords) == numbers
    if format.grammar == "coordjson":
        assert [p.text for p in coords] == [f"<|coord_{p.bin}|>" for p in coords]
    else:
        assert all(p.text.isdigit() and p.bin == -1 for p in coords)


def test_objects_stand_in_the_order_of_the_policy() -> None:
    item = record("c", "b", "a")
    given_ = text_of(item, MessagesConfig(object_order="as_given"))
    tops = text_of(item, MessagesConfig(object_order="reference_tlbr"))
    turned = replace(item, objects=item.objects[::-1])
    assert tops == text_of(turned, MessagesConfig(object_order="reference_tlbr"))
    assert given_ != text_of(turned, MessagesConfig(object_order="as_given"))


@pytest.mark.parametrize(
    ("desc", "fault"),
    [
        ("a\tb", "control"), ("a\nb", "control"), ("a\x00", "control"), ("a\x85b", "control"),
        (" a", "begins or ends"), ("a ", "begins or ends"), ("a  b", "two blanks"),
        ("类别=a ,b=c", "separator"), ("类别=a, b=c", "separator"), ("类别= a", "separator"),
        ("类别=a| b", "separator"), ("buggy, pushchair", ""), ("a b", ""), ("螺丝/安装", ""),
    ],
)
def test_a_description_that_cannot_be_taught_is_named_with_its_record(
    desc: str, fault: str
) -> None:
    if not fault:
        assert text_of(record(desc), MessagesConfig())
        return
    with pytest.raises(DataError, match=fault) as caught:
        text_of(record(desc), MessagesConfig())
    assert caught.value.where == "scene-1"


def test_a_point_outside_the_image_names_the_record() -> None:
    outside = replace(record("a"), width=20)
    with pytest.raises(DataError, match="cannot be written") as caught:
        text_of(outside, MessagesConfig())
    assert caught.value.where == "scene-1"


def test_an_answer_that_reads_back_as_something_else_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = CoordJson.write

    def careless(self, objects, *rest):
        return whole(self, objects[:1], *rest)

    monkeypatch.setattr(CoordJson, "write", careless)
    with pytest.raises(DataError, match="does not read back") as caught:
        text_of(record("a", "b"), MessagesConfig())
    assert caught.value.where == "scene-1"


def test_a_summary_is_said_word_for_word() -> None:
    item = replace(make_record(1), summary="螺丝×2，<|im_end|>×1")
    assert text_of(item, MessagesConfig(), "summary") == "螺丝×2，<|im_end|>×1"


def test_a_line_before_the_answer_is_left_out_for_an_irrelevant_image() -> None:
    config = MessagesConfig(domain="bbu", assistant_prefix="<{domain}>, <{task}>")
    item = replace(make_record(1), summary="螺丝×2")
    pieces = answer_pieces(item, "summary", config)
    assert [(p.name, p.text) for p in pieces] == [
        ("format", "<BBU>, <SUMMARY>\n"), ("summary", "螺丝×2")]
    irrelevant = replace(item, summary=IRRELEVANT)
    assert text_of(irrelevant, config, "summary") == IRRELEVANT
    assert text_of(item, config).startswith("<BBU>, <DETECTION>\n{")


@pytest.mark.parametrize(
    ("summary", "message"),
    [(None, "no summary"), ("a×1\x0b", "control"), ('{"统计": []}', "asks for text")],
)
def test_a_summary_that_cannot_be_taught_is_named(summary: str | None, message: str) -> None:
    config = MessagesConfig(profile="summary_train_min")
    with pytest.raises(DataError, match=message) as caught:
        text_of(replace(make_record(1), summary=summary), config, "summary")
    assert caught.value.where == "scene-1"


def test_the_form_of_a_summary_is_not_looked_at_where_the_prompt_names_none() -> None:
    item = replace(make_record(1), summary='{"统计": []}')
    assert text_of(item, MessagesConfig(), "summary") == '{"统计": []}'
