"""What a person sees of an evaluation: images drawn with truth and prediction, and their events."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mlcore.contract.reader import Dataset
from mlcore.contract.records import Record
from mlcore.evaluate.artifacts import marked
from mlcore.evaluate.config import EvaluateConfig
from mlcore.evaluate.diff import FALSE_MARKS, Marks
from mlcore.evaluate.match import ImageMatch
from mlcore.evaluate.overlays import draw_overlay, overlay_stem
from mlcore.evaluate.scored import Scored
from mlcore.run.context import RunContext
from mlcore.run.hashing import file_sha256
from mlcore.run.pictures import keep_picture

NAME = 200
"""longest name of an event's artifact or sample, in characters"""


def announce(ctx: RunContext, path: Path, name: str) -> None:
    """Tell of a file of the run."""
    relative = path.relative_to(ctx.folder.root).as_posix()
    media = mimetypes.guess_type(path.name)[0] or "application/json"
    ctx.events.artifact(name[:NAME], relative, file_sha256(path), path.stat().st_size, media)


def show(
    config: EvaluateConfig,
    ctx: RunContext,
    dataset: Dataset,
    records: Sequence[Record],
    system: Scored,
) -> None:
    """Draw and announce the chosen images. A picture that cannot be read is a warning."""
    by_id = {record.id: record for record in records}
    marks = {m.record: row for m, row in zip(system.matches, system.marks, strict=True)}
    said = system.answers.answers.get("dense", {})
    names = sorted({t.name for m in system.matches for t in (*m.truths, *m.reading.things)})
    folder = ctx.output("evaluation") / "overlays"
    folder.mkdir(exist_ok=True)
    for match in choose(system.matches, config.overlays, config.seed, marks):
        ctx.check_stop()
        record = by_id[match.record]
        picture = dataset.folder / record.images[0]
        try:
            path = draw_overlay(record, match, picture, folder, names, marks[match.record])
        except OSError as error:
            ctx.events.warning("overlay_skipped", f"{record.images[0]}: {error}", record=record.id)
            continue
        announce(ctx, path, f"overlay of {record.id}")
        answer = said.get(record.id)
        _emit(ctx, record, match, marks[match.record], picture, answer.text if answer else "")


def choose(
    matches: Sequence[ImageMatch],
    count: int,
    seed: int,
    marks: Mapping[str, Marks] | None = None,
) -> list[ImageMatch]:
    """Which images to show: half of them the readable answers with the most disagreement; then,
    where `marks` are given, one of each kind of error that is not among them, an unreadable answer
    too; the rest drawn by seed."""
    readable = [m for m in matches if m.reading.fault is None]
    worst = sorted(readable, key=lambda m: (-(m.fp + m.fn), m.record))[: (count + 1) // 2]
    for example in _examples(matches, marks or {}):
        if len(worst) < count and example not in worst:
            worst.append(example)
    taken = {m.record for m in worst}
    rest = [m for m in matches if m.record not in taken]
    drawn = np.random.default_rng(seed).permutation(len(rest))[: count - len(worst)]
    return worst + [rest[i] for i in sorted(drawn)]


def _examples(matches: Sequence[ImageMatch], marks: Mapping[str, Marks]) -> list[ImageMatch]:
    """For each kind of error the image that has it most often, the first by id among equals."""
    if not marks:
        return []
    by_id = sorted(matches, key=lambda m: m.record)
    found = [next((m for m in by_id if m.reading.fault is not None), None)]
    for mark in FALSE_MARKS:
        most = max(by_id, key=lambda m: marks[m.record].prediction.count(mark), default=None)
        if most is not None and mark in marks[most.record].prediction:
            found.append(most)
    return [match for match in found if match is not None]


def _emit(
    ctx: RunContext, record: Record, match: ImageMatch, marks: Marks, picture: Path, raw: str
) -> None:
    image = keep_picture(ctx, picture, overlay_stem(record.id), record.width, record.height)
    fault = match.reading.fault
    note = f"{match.tp} found, {match.fn} missed, {match.fp} without a partner"
    truth, prediction = marked(match, marks, record)
    ctx.events.sample(
        name=record.id[:NAME],
        step=0,
        image=image,
        truth=truth,
        prediction=prediction,
        raw=raw,
        note=f"unreadable at character {fault.position}: {fault.reason}" if fault else note,
    )
