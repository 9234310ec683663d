"""From a record to token ids and back: what the model is taught is what the record says."""

from __future__ import annotations

from typing import Any

from mlcore.chat.answers import ordered_objects
from mlcore.chat.prompts import Mode
from mlcore.contract.records import Record
from mlcore.coordjson import AnswerError
from mlcore.coordjson.builder import meant, shown
from mlcore.models.processor import read_processor
from mlcore.preflight.result import Result
from mlcore.preflight.scene import Scene, spread
from mlcore.train.source import Feed

RECORDS = 8
"""records of each dataset and task that are taken there and back"""
HINT = (
    "The tokenizer does not give back what it is given, or the answer format does not fit the "
    "data: compare with `python -m mlcore messages show`."
)


def check(scene: Scene) -> Result:
    """BLOCK when the decoded ids of an answer do not parse back to the record, and when the
    checkpoint's own tokenizer reads a prompt differently than it is written."""
    tokenizer: Any = read_processor(scene.start).tokenizer
    taken = 0
    for feed in scene.prepared.source.feeds:
        for mode in feed.config.modes:
            for record in spread(feed.records, RECORDS):
                fault = _dense(feed, record) if mode == "dense" else _summary(feed, record)
                fault = fault or _prompt(feed, record, mode, tokenizer)
                taken += 1
                if fault:
                    said = f"{feed.config.name}/{record.id} ({mode}) {fault}"
                    return Result("round_trip", "BLOCK", said, {"answers": taken}, HINT)
    message = f"{taken} answers decode and parse to their records, and their prompts to themselves"
    return Result("round_trip", "PASS", message, {"answers": taken})


def _prompt(feed: Feed, record: Record, mode: Mode, tokenizer: Any) -> str:
    """What is wrong with a prompt, there and back through the checkpoint's own tokenizer."""
    example = feed.renderer.prompt_example(record, feed.root, mode)
    ids = example.input_ids.tolist()
    text = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    if text != feed.renderer.kit.decode(ids):
        return f"has a prompt that the checkpoint's tokenizer decodes to {text[-60:]!r}"
    back = tokenizer.encode(text, add_special_tokens=False)
    again = tokenizer.decode(back, clean_up_tokenization_spaces=False)
    return "" if again == text else f"has a prompt that comes back as {again[-60:]!r}"


def _answer(feed: Feed, record: Record, mode: str) -> str:
    """The text that the supervised ids of a sample stand for, without what comes before it."""
    assert mode in ("dense", "summary")
    task = "dense" if mode == "dense" else "summary"
    example = feed.renderer.training_example(record, feed.root, task)  # type: ignore[arg-type]
    ids = example.input_ids[example.prompt_length : -1].tolist()
    prefix = feed.renderer.messages.prefix(task, feed.renderer.dataset)  # type: ignore[arg-type]
    return feed.renderer.kit.decode(ids).removeprefix(prefix)


def _summary(feed: Feed, record: Record) -> str:
    text = _answer(feed, record, "summary")
    return "" if text == record.summary else f"decodes to {text[:60]!r}"


def _dense(feed: Feed, record: Record) -> str:
    config = feed.renderer.messages
    builder = config.answer.builder
    text = _answer(feed, record, "dense")
    scale = builder.scale(config.answer, record.width, record.height)
    try:
        found = builder.read(text, scale, config.answer)
    except AnswerError as error:
        return f"does not parse: {error.message}"
    wanted = meant(shown(ordered_objects(record, config), scale), scale)
    return "" if found == wanted else "parses to other objects"
