"""Telling what is being said while it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlcore.chat.kit import RenderKit
from mlcore.chat.render import Renderer
from mlcore.models.load import load_processor
from mlcore.predict.live import Live, TextReader
from mlcore.run.events import EventWriter, read_events
from tests.support.scenes import make_image, make_record

END = -1


@pytest.fixture(scope="module")
def tokenizer(tiny_checkpoint: Path):
    return load_processor(tiny_checkpoint).tokenizer


def test_characters_come_whole(tokenizer) -> None:
    reader = TextReader(tokenizer.backend_tokenizer, END)
    pieces = [reader.add(id_) for id_ in tokenizer.encode("𠮷 ok")]
    assert "".join(pieces) == reader.text == "𠮷 ok"
    assert not any("\ufffd" in piece for piece in pieces)


def test_nothing_comes_after_the_end(tokenizer) -> None:
    reader = TextReader(tokenizer.backend_tokenizer, END)
    ids = tokenizer.encode("ab")
    for id_ in [*ids, END, *ids]:
        reader.add(id_)
    assert (reader.text, reader.count, reader.finished) == ("ab", len(ids), True)


@pytest.mark.parametrize(("every", "told"), [(0.0, True), (3600.0, False)])
def test_the_first_answer_of_a_batch_is_told_now_and_then(
    tmp_path: Path, tiny_checkpoint: Path, tokenizer, every: float, told: bool
) -> None:
    renderer = Renderer(RenderKit.from_folder(tiny_checkpoint))
    prompts = [
        renderer.prompt_example(make_record(n), None, "dense", image=make_image(n))
        for n in range(2)
    ]
    events = EventWriter(tmp_path / "events.jsonl")
    hear = Live(events, tokenizer.backend_tokenizer, END, every).listener(prompts)
    for mine, other in zip(tokenizer.encode("{}"), tokenizer.encode("[]"), strict=True):
        hear([mine, other])
    found = list(read_events(tmp_path / "events.jsonl"))
    assert [e["text"] for e in found][-1:] == (["{}"] if told else [])
    assert {e["name"] for e in found} <= {prompts[0].record_id}
