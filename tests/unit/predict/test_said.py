"""What is kept of an answer: its text without the prefix, and how sure the model was."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from mlcore.chat.generate import Generated
from mlcore.coordjson.format import AnswerFormat
from mlcore.models.load import load_processor
from mlcore.predict.said import Said, said
from tests.support.scenes import make_record

FORMAT = AnswerFormat()
BOX = '{"desc": "螺丝", "bbox_2d": [<|coord_1|>, <|coord_2|>, <|coord_3|>, <|coord_4|>]}'
TWO = f'{{"objects": [{BOX}, {BOX}]}}'


@pytest.fixture(scope="module")
def tokenizer(tiny_checkpoint: Path):
    return load_processor(tiny_checkpoint).tokenizer


def answer_of(tokenizer, text: str, *, unsure: str = "") -> Generated:
    """An answer whose every token has probability 0.5, and 0.25 where it spells `unsure`."""
    ids = tokenizer.encode(text, add_special_tokens=False)
    doubt = set(tokenizer.encode(unsure, add_special_tokens=False)) if unsure else set()
    logprobs = [math.log(0.25 if id_ in doubt else 0.5) for id_ in ids]
    return Generated(text, tuple(ids), True, len(ids) + 1, (*logprobs, 0.0))


def read(tokenizer, answer: Generated, prefix: str = "") -> Said:
    return said(answer, make_record(1), "dense", prefix, FORMAT, tokenizer)


def test_the_line_before_an_answer_is_taken_off_only_where_it_stands(tokenizer) -> None:
    answer = answer_of(tokenizer, "<A>\n{}")
    assert read(tokenizer, answer, "<A>\n").text == "{}"
    assert read(tokenizer, answer, "<B>\n").text == answer.text
    assert read(tokenizer, answer).text == answer.text


def test_every_object_has_the_confidence_of_its_own_tokens(tokenizer) -> None:
    second = TWO.replace("coord_4|>]}]", "coord_9|>]}]")
    found = read(tokenizer, answer_of(tokenizer, second, unsure="<|coord_9|>")).confidences
    assert found is not None
    first, last = found
    assert second[first.start : first.stop] == BOX
    assert (first.mean, first.least) == (pytest.approx(0.5), pytest.approx(0.5))
    assert last.least == pytest.approx(0.25)
    tokens = len(tokenizer.encode(second[last.start : last.stop], add_special_tokens=False))
    assert last.mean == pytest.approx(0.5 * 0.5 ** (1 / tokens), abs=0.01)


def test_places_count_from_where_the_answer_begins(tokenizer) -> None:
    found = read(tokenizer, answer_of(tokenizer, f"<数据>\n{TWO}"), "<数据>\n").confidences
    assert found is not None
    assert [TWO[c.start : c.stop] for c in found] == [BOX, BOX]


def test_objects_of_an_answer_that_is_refused_are_judged_too(tokenizer) -> None:
    found = read(tokenizer, answer_of(tokenizer, TWO[:-4])).confidences
    assert found is not None
    assert [c.mean for c in found] == [pytest.approx(0.5)]


def test_tokens_that_do_not_spell_the_text_say_nothing_of_it(tokenizer) -> None:
    answer = answer_of(tokenizer, TWO)
    torn = Generated(answer.text[1:], answer.token_ids, True, answer.new_tokens, answer.logprobs)
    assert read(tokenizer, torn).confidences is None


def test_a_summary_names_no_places(tokenizer) -> None:
    assert (
        said(
            answer_of(tokenizer, "a×1"), make_record(1), "summary", "", FORMAT, tokenizer
        ).confidences
        is None
    )
