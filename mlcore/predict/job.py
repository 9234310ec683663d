"""The `predict` job: every image of a split, every mode, raw text out.

Writes `predictions.jsonl` (one line per image, mode and draw), `meta.json` and, where images could
not be used, `rejects.jsonl`. No figure is made here; `evaluate` does that.
"""
from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from mlcore.chat.prompts import Mode
from mlcore.contract.limits import check_limits
from mlcore.contract.reader import Dataset, open_dataset
from mlcore.contract.records import Record
from mlcore.errors import DataError
from mlcore.predict.config import PredictConfig
from mlcore.predict.said import Said
from mlcore.predict.samples import emit_sample
from mlcore.predict.systems import System, Unreadable, open_system
from mlcore.run.context import RunContext
from mlcore.run.folder import write_json

SCHEMA = "predictions/1"
DIGITS = 6
"""decimals of a stored logprob or confidence: batches of other sizes differ beyond them"""


@dataclass
class Tally:
    """Counts over all answers of a run. Seconds are of answering alone, without loading."""

    answers: int = 0
    finished: int = 0
    new_tokens: int = 0
    seconds: float = 0.0
    rejected: set[str] = field(default_factory=set)


def run(config: PredictConfig, ctx: RunContext) -> dict[str, Any]:
    """Answer a split and return the report. Raises DataError on an empty or broken split, and,
    before the model is loaded, where an image exceeds the cap or is not of its record's size.
    """
    dataset = open_dataset(ctx.resolve(config.dataset))
    records = dataset.split(config.split)[: config.limit]
    if not records:
        raise DataError(f"the split {config.split!r} is empty", where=str(dataset.folder))
    check_limits(records, dataset.folder, config.max_pixels)
    ctx.events.status("loading", "loading the model")
    system = open_system(config, ctx, dataset)
    ctx.events.status("running", f"answering {len(records)} images")
    output = ctx.output("predictions")
    tally = _answer_all(config, ctx, dataset, records, system, output)
    meta = {
        "schema": SCHEMA,
        "system": config.system.type,
        "dataset_fingerprint": dataset.fingerprint,
        "model_digest": system.model_digest,
        "split": config.split,
        "limit": config.limit,
        "modes": list(config.modes),
        "samples_per_image": config.samples_per_image,
        "answer": config.messages.answer.model_dump(mode="json"),
        "generation": dict(system.generation),
        "n": tally.answers,
        "rejected": len(tally.rejected),
    }
    write_json(output / "meta.json", meta)
    return {
        "schema": "predict/1",
        "headline": _headline(tally, len(records)),
        "predictions": meta,
        "seconds": tally.seconds,
    }


def _answer_all(
    config: PredictConfig,
    ctx: RunContext,
    dataset: Dataset,
    records: Sequence[Record],
    system: System,
    output: Path,
) -> Tally:
    tally = Tally()
    turns = [(mode, draw) for mode in config.modes for draw in range(config.samples_per_image)]
    shown = 0
    with (output / "predictions.jsonl").open("w", encoding="utf-8") as file:
        for turn, (mode, draw) in enumerate(turns):
            for start in range(0, len(records), config.batch_size):
                ctx.check_stop()
                batch = records[start : start + config.batch_size]
                begun = time.monotonic()
                answers = system.answer(batch, mode, draw)
                tally.seconds += time.monotonic() - begun
                for record, answer in zip(batch, answers, strict=True):
                    if isinstance(answer, Unreadable):
                        _reject(config, ctx, tally, record, answer, len(records))
                        continue
                    _write(file, tally, record, mode, draw, answer)
                    if mode == "dense" and shown < config.samples:
                        emit_sample(
                            ctx, dataset, record, answer, format=config.messages.answer
                        )
                        shown += 1
                file.flush()
                done = turn * len(records) + start + len(batch)
                ctx.events.progress(done, len(turns) * len(records), "answers")
    return tally


def _write(
    file: IO[str], tally: Tally, record: Record, mode: Mode, draw: int, answer: Said
) -> None:
    generated = answer.generated
    line: dict[str, Any] = {
        "id": record.id,
        "image": record.images[0],
        "width": record.width,
        "height": record.height,
        "mode": mode,
        "draw": draw,
        "text": answer.text,
        "finished": generated.finished,
        "new_tokens": generated.new_tokens,
        "token_ids": list(generated.token_ids),
        "logprob": round(math.fsum(generated.logprobs), DIGITS) if generated.logprobs else None,
    }
    if mode == "dense":
        line["objects"] = answer.confidences and [
            {
                "span": [c.start, c.stop],
                "confidence": round(c.mean, DIGITS),
                "least": round(c.least, DIGITS),
            }
            for c in answer.confidences
        ]
    file.write(json.dumps(line, ensure_ascii=False) + "\n")
    tally.answers += 1
    tally.finished += int(generated.finished)
    tally.new_tokens += generated.new_tokens


def _reject(
    config: PredictConfig,
    ctx: RunContext,
    tally: Tally,
    record: Record,
    problem: Unreadable,
    total: int,
) -> None:
    """Count an unusable image once over all modes; too many of them stop the run."""
    if record.id in tally.rejected:
        return
    tally.rejected.add(record.id)
    ctx.events.warning("image_rejected", problem.reason, record=record.id, where=problem.where)
    line = {"id": record.id, "reason": problem.reason, "where": problem.where}
    with (ctx.output("predictions") / "rejects.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
    if len(tally.rejected) > config.max_reject_share * total:
        raise DataError(
            f"{len(tally.rejected)} of {total} images cannot be used, more than "
            f"{config.max_reject_share:.1%}; the last: {problem.reason}",
            hint="Mend the dataset, or raise max_reject_share.",
            where=problem.where,
        )


def _headline(tally: Tally, images: int) -> dict[str, dict[str, Any]]:
    answers = tally.answers
    figures: list[tuple[str, float, str, int | None]] = [
        ("images", images, "images", None),
        ("seconds_per_image", tally.seconds / images, "s", images),
        ("finished", tally.finished / answers if answers else 0.0, "share", answers),
        ("new_tokens", tally.new_tokens / answers if answers else 0.0, "tokens", answers),
    ]
    return {
        name: {"value": value, "unit": unit, "n": n} for name, value, unit, n in figures
    }
