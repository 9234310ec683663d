"""Packed against padded rows, and the memory of the LM head in chunks."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mlcore.chat.collate import ModelBatch
from mlcore.chat.kit import RenderKit
from mlcore.chat.positions import position_ids
from mlcore.chat.render import Renderer, Span, TrainingExample
from mlcore.losses.terms import Counts, Objective
from mlcore.models.load import load_model
from mlcore.train.config import CoordLossConfig, LengthGrouped, NoPacking, Packed
from mlcore.train.packing import Layout, fill_of
from mlcore.train.step import SftStep
from mlcore.train.work import batches_of
from tests.bench.figures import Figures, median
from tests.support.scenes import make_checkpoint, make_image, make_record

STEPS, BATCH, MEAN, LONGEST, BUDGET = 6, 64, 78, 361, 700
WAYS = {
    "padded": Layout(NoPacking(type="none"), 16, LONGEST),
    "length-grouped": Layout(LengthGrouped(type="length_grouped"), 16, LONGEST),
    "packed": Layout(Packed(type="packed", row_tokens=BUDGET), 4, LONGEST),
}


def drawn_lengths(rng: np.random.Generator) -> list[int]:
    """Lengths of a batch, skewed like captions: mean 78, the longest 361."""
    raw = np.sort(16 + rng.gamma(0.9, 1.0, BATCH))
    scaled = 16 + (raw - raw[0]) * (MEAN - 16) / (raw - raw[0]).mean()
    lengths = np.clip(scaled.round().astype(int), 16, LONGEST)
    lengths[-1] = LONGEST
    lengths[: BATCH // 2] += (MEAN * BATCH - lengths.sum()) * 2 // BATCH
    return [int(n) for n in rng.permutation(np.maximum(lengths, 16))]


def of_length(example: TrainingExample, length: int, ids: np.ndarray) -> TrainingExample:
    """The example's picture and prompt with an answer that makes it so long."""
    start = example.prompt_length
    text = start - int(example.image_grid_thw.prod() // 4)
    assert text > 0
    labels = np.full(length, -100)
    labels[start:] = np.resize(ids, length - start)
    longer = np.concatenate([example.input_ids[:start], labels[start:]])
    positions = np.empty((4, length), dtype=np.int64)
    positions[:, :start] = example.position_ids[:, :start]
    after = int(example.position_ids[1:, :start].max()) + 1
    positions[:, start:] = position_ids((after,), length - start)[:, after:]
    positions[0] = np.arange(length)
    return replace(
        example,
        input_ids=longer,
        labels=labels,
        position_ids=positions,
        spans=(Span("text", start, length),),
    )


def computed_in_full(batch: ModelBatch) -> ModelBatch:
    """The batch with what fills rows up as the tail of each row's last sample, as trainers compute
    it that pad: nothing is left out, and nothing before it sees it."""
    text = batch.position_ids[0].clone()
    for row in text:
        count = int((row >= 0).sum())
        row[count:] = torch.arange(len(row) - count) + row[count - 1] + 1
    return replace(batch, position_ids=torch.cat([text[None], batch.position_ids[1:]]))


def test_packed_rows_against_padded_ones(figures: Figures, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    folder = make_checkpoint(tmp_path / "model")
    renderer = Renderer(RenderKit.from_folder(folder))
    model = load_model(folder).train()
    step = SftStep(model, list(renderer.coord_ids), Objective(CoordLossConfig()))
    base = renderer.training_example(
        make_record(1, 64, 64), None, "dense", image=make_image(1, 64, 64)
    )
    ids = base.labels[base.prompt_length :]
    rng = np.random.default_rng(5)
    lengths = [drawn_lengths(rng) for _ in range(STEPS)]
    examples = [[of_length(base, n, ids) for n in row] for row in lengths]
    pad = renderer.ids.pad
    work: dict[str, list[list[ModelBatch]]] = {}
    for name, layout in WAYS.items():
        parts = [layout.parts(row) for row in lengths]
        work[name] = [batches_of(e, p, pad) for e, p in zip(examples, parts, strict=True)]
        fills = [fill_of(p, row) for p, row in zip(parts, lengths, strict=True)]
        share = float(np.mean([fill.padding_share for fill in fills]))
        figures(f"padding share of {name} rows", share, "share", STEPS)
    work["padded, computed in full"] = [list(map(computed_in_full, p)) for p in work["padded"]]
    whole = Counts(1000.0, 1000.0)
    speeds: dict[str, list[float]] = {name: [] for name in work}
    for index in range(STEPS):
        for name in work:
            began = time.perf_counter()
            for batch in work[name][index]:
                step(batch, whole, 3.0).loss.backward()
            speeds[name].append(sum(lengths[index]) / (time.perf_counter() - began))
            step.zero_grad()
    everything = [length for row in lengths for length in row]
    figures("mean length", float(np.mean(everything)), "tokens", len(everything), "78")
    figures("longest", max(everything), "tokens", len(everything), "361")
    for name, found in speeds.items():
        figures(f"{name} rows, forward and backward", median(found[1:]), "tokens/s", STEPS - 1)
    full = speeds["padded, computed in full"][1:]
    ratios = [a / b for a, b in zip(speeds["packed"][1:], full, strict=True)]
    figures("packed over padded, computed in full", median(ratios), "x", len(ratios), ">= 1.5")


def test_memory_of_the_head(figures: Figures) -> None:
    """Resident pages of a process each, for 2048 positions of a real vocabulary."""
    sizes = ("2048", "256", "151936")
    found = {}
    for way in ("plain", "chunked"):
        command = [sys.executable, "-m", "tests.bench.head_memory", way, *sizes]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found[way] = int(done.stdout) / 1e6
        figures(f"peak that a {way} head adds", found[way], "MB", 1)
    figures("plain over chunked", found["plain"] / found["chunked"], "x", 1)
