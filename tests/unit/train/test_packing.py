"""Rows are full and hold every sample once; packed, padded and alone are the same step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from pydantic import ValidationError
from transformers import Qwen3VLForConditionalGeneration

from mlcore.chat.collate import ModelBatch, pack_rows, pad_right
from mlcore.chat.kit import RenderKit
from mlcore.chat.render import Renderer, TrainingExample
from mlcore.losses.terms import Counts, Objective
from mlcore.models.load import load_model
from mlcore.train.config import CoordLossConfig, LengthGrouped, NoPacking, Packed
from mlcore.train.order import Draw, Order
from mlcore.train.packing import Layout, best_fit, fill_of, plan
from mlcore.train.step import SftStep
from tests.support.scenes import make_image, make_record
from tests.support.training import sft_config

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=40)
KINDS = st.sampled_from(
    [NoPacking(type="none"), LengthGrouped(type="length_grouped"), Packed(type="packed")]
)


@given(LENGTHS, st.integers(50, 200))
def test_every_sample_is_in_one_row_and_no_row_is_above_the_budget(
    lengths: list[int], budget: int
) -> None:
    rows = best_fit(lengths, budget)
    assert sorted(place for row in rows for place in row) == list(range(len(lengths)))
    assert all(sum(lengths[place] for place in row) <= budget for row in rows)
    assert best_fit(lengths, budget) == rows


@given(LENGTHS, st.integers(50, 200))
def test_no_two_rows_would_fit_into_one(lengths: list[int], budget: int) -> None:
    totals = sorted(sum(lengths[place] for place in row) for row in best_fit(lengths, budget))
    assert len(totals) == 1 or totals[0] + totals[1] > budget


@given(LENGTHS, KINDS, st.integers(1, 8), st.integers(1, 12))
def test_forward_passes_hold_every_sample_and_are_as_many_as_asked_for(
    lengths: list[int],
    packing: NoPacking | LengthGrouped | Packed,
    rows: int,
    at_least: int,
) -> None:
    parts = Layout(packing, rows, longest=64).parts(lengths, at_least)
    places = [place for part in parts for row in part for place in row]
    assert sorted(places) == list(range(len(lengths)))
    assert len(parts) >= min(at_least, len(lengths))
    assert all(1 <= len(part) <= rows and all(part) for part in parts)
    fill = fill_of(parts, lengths)
    assert (fill.samples, fill.tokens) == (len(lengths), sum(lengths))
    assert 0 <= fill.padding_share < 1


def test_packing_pads_less_than_grouping_which_pads_less_than_neither() -> None:
    lengths = [int(n) for n in np.random.default_rng(1).integers(20, 361, 64)]
    shares = [
        fill_of(Layout(packing, 8, 700).parts(lengths), lengths).padding_share
        for packing in (
            Packed(type="packed"),
            LengthGrouped(type="length_grouped"),
            NoPacking(type="none"),
        )
    ]
    assert shares == sorted(shares)
    assert shares[0] < 0.1


def test_the_plan_is_one_of_lengths_and_seed_and_moves_no_sample_to_another_step() -> None:
    lengths = np.random.default_rng(2).integers(10, 64, 30)

    def length(draw: Draw) -> int:
        return int(lengths[draw.record])

    def planned(seed: int) -> list[list[list[list[int]]]]:
        order = Order(samples=30, batch_size=6, summary_share=0.0, seed=seed)
        return plan(order, length, Layout(Packed(type="packed"), 2, 128), range(10))

    assert planned(1) == planned(1) != planned(2)
    for parts in planned(1):
        assert sorted(place for part in parts for row in part for place in row) == list(range(6))


def test_rows_that_cannot_hold_the_longest_sample_are_refused(training_set: Path) -> None:
    packing = {"type": "packed", "row_tokens": 300}
    with pytest.raises(ValidationError, match="less than global_max_length 512"):
        sft_config(training_set, packing=packing)


Gradients = dict[str, torch.Tensor]
Change = Callable[[Qwen3VLForConditionalGeneration], None]
SIZES = ((96, 64), (32, 32), (64, 160), (64, 64))
OBJECTIVE = Objective(CoordLossConfig(ce_weight=0.5, w1_weight=2.0, text_gate_weight=0.3))


@pytest.fixture(scope="module")
def renderer(tiny_checkpoint: Path) -> Renderer:
    return Renderer(RenderKit.from_folder(tiny_checkpoint))


@pytest.fixture(scope="module")
def examples(renderer: Renderer) -> list[TrainingExample]:
    """Four pictures and, in their midst, a text without one."""
    made = [
        renderer.training_example(
            make_record(n, *size, objects=1 + n % 3),
            None,
            "summary" if n == 1 else "dense",
            image=make_image(n, *size),
        )
        for n, size in enumerate(SIZES)
    ]
    return [made[0], without_image(made[1], renderer.ids.image_pad), *made[1:]]


def without_image(example: TrainingExample, image_pad: int) -> TrainingExample:
    """The same words without the picture."""
    kept = example.input_ids != image_pad
    length = int(kept.sum())
    return replace(
        example,
        input_ids=example.input_ids[kept],
        labels=example.labels[kept],
        position_ids=np.tile(np.arange(length), (4, 1)),
        pixel_values=example.pixel_values[:0],
        image_grid_thw=example.image_grid_thw[:0],
    )


def sharpened(checkpoint: Path, dtype: torch.dtype) -> Qwen3VLForConditionalGeneration:
    """A model whose attention is far from even, so that a leak would show."""
    torch.manual_seed(0)
    model = load_model(checkpoint).to(dtype).train()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(3.0)
    return model


def add_lora(model: Qwen3VLForConditionalGeneration) -> None:
    get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj", "down_proj", "qkv"]))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)


def recompute(model: Qwen3VLForConditionalGeneration) -> None:
    model.activation_checkpointing_enable()


def learned(step: SftStep, batches: Sequence[ModelBatch]) -> tuple[float, Gradients]:
    """Loss and gradients of one step over these batches."""
    step.zero_grad()
    counts = Counts(*torch.cat([step.counts(batch) for batch in batches]).sum(0).tolist())
    loss = 0.0
    for batch in batches:
        out = step(batch, counts, 3.0)
        out.loss.backward()
        loss += out.loss.item()
    grads = {n: p.grad.clone() for n, p in step.named_parameters() if p.grad is not None}
    return loss, grads


def apart(one: tuple[float, Gradients], other: tuple[float, Gradients]) -> float:
    """The largest difference of loss or gradient, relative to the largest of its tensor."""
    assert one[1].keys() == other[1].keys()
    worst = abs(one[0] - other[0]) / abs(other[0])
    for name, grad in one[1].items():
        scale = float(other[1][name].abs().max()) + 1e-3
        worst = max(worst, float((grad - other[1][name]).abs().max()) / scale)
    return worst


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-9), (torch.float32, 1e-5)])
@pytest.mark.parametrize(
    "changes",
    [(), (add_lora,), (recompute,), (add_lora, recompute)],
    ids=["full", "lora", "checkpointing", "lora+checkpointing"],
)
def test_packed_padded_and_alone_are_the_same_step(
    tiny_checkpoint: Path,
    renderer: Renderer,
    examples: list[TrainingExample],
    changes: tuple[Change, ...],
    dtype: torch.dtype,
    close: float,
) -> None:
    model = sharpened(tiny_checkpoint, dtype)
    for change in changes:
        change(model)
    step = SftStep(model, list(renderer.coord_ids), OBJECTIVE)
    pad = renderer.ids.pad
    padded = learned(step, [pad_right(examples, pad)])
    packed = learned(step, [pack_rows([examples[:3], examples[3:]], pad)])
    mixed = learned(step, [pack_rows([examples[:4]], pad), pack_rows([examples[4:]], pad)])
    assert padded[1]
    assert apart(packed, padded) < close
    assert apart(mixed, padded) < close


def test_packing_without_restarting_positions_is_another_step(
    tiny_checkpoint: Path, renderer: Renderer, examples: list[TrainingExample]
) -> None:
    step = SftStep(sharpened(tiny_checkpoint, torch.float32), list(renderer.coord_ids), OBJECTIVE)
    batch = pack_rows([examples], renderer.ids.pad)
    running = batch.position_ids.clone()
    running[0] = torch.arange(running.shape[-1])
    leaking = replace(batch, position_ids=running)
    assert apart(learned(step, [leaking]), learned(step, [batch])) > 1e-2


def test_sums_of_each_sample_survive_packing(
    tiny_checkpoint: Path, renderer: Renderer, examples: list[TrainingExample]
) -> None:
    step = SftStep(sharpened(tiny_checkpoint, torch.float32), list(renderer.coord_ids), OBJECTIVE)
    counts = Counts(1.0, 1.0)
    with torch.no_grad():
        padded = step(pad_right(examples, renderer.ids.pad), counts, 3.0)
        packed = step(pack_rows([examples[:2], examples[2:]], renderer.ids.pad), counts, 3.0)
    for name, sums in padded.samples.items():
        assert packed.samples[name].tolist() == pytest.approx(sums.tolist(), rel=1e-4), name


def test_a_chunk_of_a_few_positions_gives_the_same_step(
    tiny_checkpoint: Path, renderer: Renderer, examples: list[TrainingExample]
) -> None:
    model = sharpened(tiny_checkpoint, torch.float64)
    batch = pack_rows([examples], renderer.ids.pad)
    whole = SftStep(model, list(renderer.coord_ids), OBJECTIVE)
    row = 4 * model.config.text_config.vocab_size
    pieces = SftStep(model, list(renderer.coord_ids), OBJECTIVE, chunk_bytes=7 * row)
    assert apart(learned(pieces, [batch]), learned(whole, [batch])) < 1e-9
