"""The `predict` job: every image of a split, every mode, raw text out.

Writes `predictions.jsonl` (one line per image and mode), `meta.json` and, where images could not
be used, `rejects.jsonl`. Nothing here reads the answers; `evaluate` does.
"""
from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from mlcore.chat.generate import Generated
from mlcore.chat.prompts import Mode
from mlcore.contract.limits import check_limits
from mlcore.contract.reader import Dataset, open_dataset
from mlcore.contract.records import Record
from mlcore.errors import DataError
from mlcore.predict.config import PredictConfig
from mlcore.predict.samples import emit_sample
from mlcore.predict.systems import System, Unreadable, open_system
from mlcore.run.context import RunContext
from mlcore.run.folder import write_json

SCHEMA = "predictions/1"


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
    total = len(records) * len(config.modes)
    shown = 0
    with (output / "predictions.jsonl").open("w", encoding="utf-8") as file:
        for mode in config.modes:
            for start in range(0, len(records), config.batch_size):
                ctx.check_stop()
                batch = records[start : start + config.batch_size]
                begun = time.monotonic()
                answers = system.answer(batch, mode)
                tally.seconds += time.monotonic() - begun
                for record, answer in zip(batch, answers, strict=True):
                    if isinstance(answer, Unreadable):
                        _reject(config, ctx, tally, record, answer, len(records))
                        continue
                    _write(file, tally, record, mode, answer)
                    if mode == "dense" and shown < config.samples:
                        emit_sample(
                            ctx, dataset, record, answer, format=config.messages.answer
                        )
                        shown += 1
                file.flush()
                done = config.modes.index(mode) * len(records) + start + len(batch)
                ctx.events.progress(done, total, "answers")
    return tally


def _write(file: IO[str], tally: Tally, record: Record, mode: Mode, answer: Generated) -> None:
    line = {
        "id": record.id,
        "image": record.images[0],
        "width": record.width,
        "height": record.height,
        "mode": mode,
        "text": answer.text,
        "finished": answer.finished,
        "new_tokens": answer.new_tokens,
    }
    file.write(json.dumps(line, ensure_ascii=False) + "\n")
    tally.answers += 1
    tally.finished += int(answer.finished)
    tally.new_tokens += answer.new_tokens


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
