"""Whether rendered samples are what the model and the loss take them for. Run before any GPU time.

A wrong image key or a shifted label mask raises nothing later: the model just learns from words
alone, or from its own prompt. So the first samples are looked at in every detail.
"""
from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mlcore.chat.kit import RenderKit
from mlcore.chat.render import UNSUPERVISED, TrainingExample
from mlcore.errors import DataError


def check_examples(
    examples: Iterable[TrainingExample], kit: RenderKit, dataset: str = ""
) -> int:
    """Check every training example and return how many there were.

    Raises DataError naming the dataset, the record and its images at the first thing wrong: image
    placeholders and images differ in number; an image has not time * height * width / merge² of
    them, or its patches are missing; labels are not exactly the answer; the answer does not end
    with the end of the turn; the spans do not cover the supervised tokens once; a coordinate is
    not one.
    """
    count = 0
    for count, example in enumerate(examples, start=1):  # noqa: B007 - the last number is wanted
        fault = (
            _image_fault(example, kit)
            or _shape_fault(example)
            or _span_fault(example)
            or _label_fault(example, kit)
            or _coord_fault(example, kit)
        )
        if fault:
            names = ", ".join(example.images) or "no image"
            place = f"{dataset}/{example.record_id}" if dataset else example.record_id
            raise DataError(
                f"sample {place} ({names}, {example.mode}) is not healthy: {fault}",
                hint="Look at it with `python -m mlcore messages show`; training was not started.",
                where=place,
            )
    return count


def _image_fault(example: TrainingExample, kit: RenderKit) -> str:
    runs = _image_runs(example, kit)
    grids = example.image_grid_thw.reshape(-1, 3).tolist()
    if len(runs) != len(grids):
        return f"{len(runs)} image placeholder(s) for {len(grids)} image(s)"
    area = kit.patcher.merge_size**2
    for number, (run, grid) in enumerate(zip(runs, grids, strict=True), start=1):
        patches = int(np.prod(grid))
        if run * area != patches:
            return (
                f"image {number} has {run} image tokens, its grid of {'x'.join(map(str, grid))} "
                f"patches needs {patches / area:g}"
            )
    needed = int(sum(np.prod(grid) for grid in grids))
    if len(example.pixel_values) != needed:
        return f"{len(example.pixel_values)} patches for a grid of {needed}"
    if not np.isfinite(example.pixel_values).all():
        return "a pixel value is not finite"
    return ""


def _image_runs(example: TrainingExample, kit: RenderKit) -> list[int]:
    """Lengths of the runs of image tokens: what stands between two vision markers."""
    ids = example.input_ids
    starts = np.flatnonzero(ids == kit.ids.vision_start)
    ends = np.flatnonzero(ids == kit.ids.vision_end)
    pads = int((ids == kit.ids.image_pad).sum())
    if len(starts) != len(ends):
        return [pads]
    runs = [
        int((ids[start + 1 : end] == kit.ids.image_pad).sum())
        for start, end in zip(starts, ends, strict=True)
    ]
    return runs if sum(runs) == pads else [*runs, pads - sum(runs)]


def _shape_fault(example: TrainingExample) -> str:
    count, start = len(example.input_ids), example.prompt_length
    if not count == len(example.labels) == example.position_ids.shape[1]:
        return "ids, labels and positions differ in length"
    if not 0 < start < count:
        return f"the answer is empty: {count} tokens, {start} of them the prompt"
    return ""


def _span_fault(example: TrainingExample) -> str:
    """Spans follow each other; those of the last answer fill it. A conversation that no record
    stands behind may have earlier answers."""
    at = 0 if example.mode is None else example.prompt_length
    for span in example.spans:
        gap_allowed = at < example.prompt_length
        if span.stop < span.start or span.start < at or (span.start > at and not gap_allowed):
            return f"the span {span.name} begins at token {span.start}, expected {at}"
        at = span.stop
    if at != len(example):
        return f"the spans end at token {at}, the answer at {len(example)}"
    return ""


def _label_fault(example: TrainingExample, kit: RenderKit) -> str:
    ids, labels = example.input_ids, example.labels
    answer = np.zeros(len(ids), dtype=bool)
    for span in example.spans:
        answer[span.start : span.stop] = True
    learned = np.flatnonzero((labels != UNSUPERVISED) & ~answer)
    if learned.size:
        return f"token {learned[0]} of the prompt is supervised"
    wrong = np.flatnonzero((labels != ids) & answer)
    if wrong.size:
        return f"token {wrong[0]} of the answer has another label than itself"
    ends = [span.stop - 1 for span in example.spans if span.name == "eos"]
    if len(ids) - 1 not in ends or (ids[ends] != kit.ids.im_end).any():
        return "the answer does not end with the end-of-turn token"
    if np.isin(labels, [kit.ids.image_pad, kit.ids.vision_start, kit.ids.vision_end]).any():
        return "an image token is supervised"
    return ""


def _coord_fault(example: TrainingExample, kit: RenderKit) -> str:
    for span in example.spans:
        if span.name != "coord":
            continue
        ids = example.input_ids[span.start : span.stop].tolist()
        text = kit.decode(ids)
        single = len(ids) == 1 and text.startswith("<|coord_") and ids[0] in kit.names
        if not single and not _is_number(text):
            return f"tokens {span.start}..{span.stop} are no coordinate: {text[:24]!r}"
    return ""


def _is_number(text: str) -> bool:
    """A whole number of an object_N answer, within any bin or pixel that a record may hold."""
    digits = text.removesuffix(".0")
    return digits.isascii() and digits.isdigit() and int(digits) <= 65535
