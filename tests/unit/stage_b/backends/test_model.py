"""A checkpoint answers text: the same alone, together and in any order."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlcore.run.events import EventWriter
from mlcore.stage_b.backends.config import ModelBackend
from mlcore.stage_b.backends.model import ModelWriter
from mlcore.stage_b.backends.protocol import Question
from mlcore.stage_b.prompts import verdict_turns
from mlcore.stage_b.ticket import Decode
from tests.support.tickets import BAD, GOOD, guidance, ticket

DECODE = Decode(1.0, 0.95, 6)


@pytest.fixture
def writer(tiny_checkpoint: Path, tmp_path: Path) -> ModelWriter:
    config = ModelBackend(type="model", model="unused", batch_size=2)
    events = EventWriter(tmp_path / "events.jsonl")
    return ModelWriter(config, tiny_checkpoint, None, seed=1, max_prompt_tokens=500, events=events)


def questions() -> list[Question]:
    tickets = [ticket("a", "pass", GOOD), ticket("b", "fail", GOOD, BAD), ticket("c", "pass", BAD)]
    return [
        Question(t.group_id, verdict_turns(t.evidence, guidance(), "bbu", "compact"), draw)
        for t in tickets
        for draw in (0, 1)
    ]


def test_an_answer_depends_on_nothing_but_its_question_and_draw(writer: ModelWriter) -> None:
    asked = questions()
    together = writer.answer(asked, DECODE)
    alone = [writer.answer([one], DECODE)[0] for one in reversed(asked)]
    assert together == list(reversed(alone))
    assert len({reply.text for reply in together}) > 1
    assert all(reply.new_tokens <= 6 for reply in together)


def test_a_prompt_over_the_limit_is_not_cut_but_left_out(writer: ModelWriter) -> None:
    long = Question("long", verdict_turns(ticket("x", "pass", GOOD).evidence, guidance(), "bbu"))
    short = questions()[0]
    first, second = writer.answer([long, short], DECODE)
    assert first.text is None
    assert "most is 500" in first.problem
    assert second == writer.answer([short], DECODE)[0]


def test_other_draws_and_seeds_give_other_answers(writer: ModelWriter) -> None:
    one = questions()[0]
    texts = [writer.answer([Question(one.name, one.turns, d)], DECODE)[0].text for d in range(6)]
    assert len(set(texts)) > 1
    reseeded = Decode(1.0, 0.95, 6, seed=77)
    other = [writer.answer([Question(one.name, one.turns, d)], reseeded)[0].text for d in range(6)]
    assert other != texts
