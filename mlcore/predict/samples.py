"""A few answers to look at: image, truth and prediction side by side."""
from __future__ import annotations

import hashlib
from typing import Any

from mlcore.contract.reader import Dataset
from mlcore.contract.records import Record
from mlcore.coordjson import AnswerError
from mlcore.coordjson.format import AnswerFormat, read_answer
from mlcore.evaluate.diff import Marks
from mlcore.geometry.spaces import to_pixels
from mlcore.predict.said import Said
from mlcore.run.context import RunContext
from mlcore.run.pictures import keep_picture


def emit_sample(
    ctx: RunContext,
    dataset: Dataset,
    record: Record,
    answer: Said,
    *,
    step: int = 0,
    format: AnswerFormat | None = None,
    marks: Marks | None = None,
) -> None:
    """Copy the record's image into the run folder and send one sample event of a training step.

    The note says why an answer could not be read; the raw text is shown either way. `marks` says
    what became of each object, where that is known.
    """
    source = dataset.folder / record.images[0]
    identity = f"{dataset.fingerprint}/{record.id}"
    stem = hashlib.sha256(identity.encode()).hexdigest()[:16]
    image = keep_picture(ctx, source, stem, record.width, record.height)
    prediction, note = readable(answer.text, record, format or AnswerFormat())
    truth: list[dict[str, Any]] = [{"desc": o.desc, o.kind: list(o.points)} for o in record.objects]
    for rows, words in ((truth, marks.truth), (prediction, marks.prediction)) if marks else ():
        for row, mark in zip(rows, words, strict=True):
            row["mark"] = mark
    ctx.events.sample(
        name=record.id,
        step=step,
        image=image,
        truth=truth,
        prediction=prediction,
        raw=answer.text,
        note=note if answer.generated.finished else f"{note} (cut at the token limit)".strip(),
    )


def readable(
    text: str, record: Record, format: AnswerFormat
) -> tuple[list[dict[str, Any]], str]:
    """The objects of an answer in pixels, and why there are none if it cannot be read."""
    try:
        objects = read_answer(text, format, record.width, record.height)
    except AnswerError as error:
        return [], f"unreadable at character {error.position}: {error.reason}"
    return [
        {"desc": o.desc, o.kind: list(to_pixels(o.bins, record.width, record.height))}
        for o in objects
    ], ""
