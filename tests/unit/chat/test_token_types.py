"""Each supervised token has one type, which the text itself confirms."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from mlcore.chat.config import MessagesConfig
from mlcore.chat.kit import RenderKit
from mlcore.chat.prompts import Mode
from mlcore.chat.render import UNSUPERVISED, Renderer, TrainingExample
from mlcore.chat.token_types import NO_TYPE, TYPES, token_types
from mlcore.contract.records import Record
from mlcore.coordjson.pieces import PieceName
from tests.support.scenes import make_image, make_record

FORMS: tuple[dict[str, Any], ...] = (
    {},
    {"answer": {"field_order": "geometry_first"}},
    {"answer": {"grammar": "objectjson", "emit_norm": "norm1000"}},
    {"answer": {"grammar": "objectjson", "emit_norm": "none"}},
    {"assistant_prefix": "<DOMAIN={domain}>, <TASK={task}>", "domain": "bbu"},
)
_STRING = re.compile(r'"desc": "((?:[^"\\]|\\.)*)"')
_LIST = re.compile(r'"(?:bbox_2d|poly|line)": (\[[^"]*\])')
_COORD = re.compile(r"<\|coord_[0-9]+\|>|[0-9]+")
NASTY = 'plate 42 "poly": [1, 2] <|coord_5|>'
"""a description that reads like geometry"""


@pytest.fixture(scope="module")
def kit(tiny_checkpoint: Path) -> RenderKit:
    return RenderKit.from_folder(tiny_checkpoint)


def example(kit: RenderKit, form: dict[str, Any], record: Record, mode: Mode) -> TrainingExample:
    renderer = Renderer(kit, MessagesConfig.model_validate(form), dataset="set")
    return renderer.training_example(record, None, mode, image=make_image(3))


def by_text(kit: RenderKit, whole: TrainingExample) -> list[str]:
    """The type of each supervised token, read off the answer's text with patterns of our own."""
    ids = whole.input_ids[whole.labels != UNSUPERVISED].tolist()
    words = [kit.decode([id_]) for id_ in ids]
    text = "".join(words)
    kinds = ["format"] * len(text)
    for found in _STRING.finditer(text):
        kinds[found.start(1) : found.end(1)] = ["desc"] * (found.end(1) - found.start(1))
    for found in _LIST.finditer(text):
        if kinds[found.start()] != "desc":
            for number in _COORD.finditer(text, found.start(1), found.end(1)):
                kinds[number.start() : number.end()] = ["coord"] * len(number[0])
    starts = np.cumsum([0, *(len(word) for word in words[:-1])])
    return [kinds[start] for start in starts]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: str(form))
def test_the_types_of_a_dense_answer_are_those_of_its_text(
    kit: RenderKit, form: dict[str, Any]
) -> None:
    record = make_record(3)
    objects = tuple(replace(o, desc=f"{NASTY} {n}") for n, o in enumerate(record.objects))
    whole = example(kit, form, replace(record, objects=objects), "dense")
    types = token_types(whole)[whole.labels != UNSUPERVISED]
    assert [TYPES[code] for code in types] == by_text(kit, whole)
    assert {TYPES[code] for code in types} == {"desc", "coord", "format"}


@pytest.mark.parametrize("form", [FORMS[0], FORMS[4]], ids=["plain", "prefix"])
def test_a_summary_is_one_type_and_what_stands_around_it_is_format(
    kit: RenderKit, form: dict[str, Any]
) -> None:
    whole = example(kit, form, make_record(3), "summary")
    types = [TYPES[code] for code in token_types(whole)[whole.labels != UNSUPERVISED]]
    ids = whole.input_ids[whole.labels != UNSUPERVISED]
    told = [id_ for id_, name in zip(ids.tolist(), types, strict=True) if name == "summary"]
    assert kit.decode(told) == make_record(3).summary
    assert types[-1] == "format"
    assert set(types) == {"summary", "format"}
    assert (types[0] == "format") == ("assistant_prefix" in form)


def test_what_has_no_label_has_no_type(kit: RenderKit) -> None:
    whole = example(kit, {}, make_record(1), "dense")
    assert ((token_types(whole) == NO_TYPE) == (whole.labels == UNSUPERVISED)).all()


def test_every_piece_that_an_answer_can_have_is_a_type() -> None:
    assert set(TYPES) == set(get_args(PieceName))
