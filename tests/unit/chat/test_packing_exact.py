"""Packed rows must give what each sample gives alone, and feeds that leak must be known to leak."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from mlcore.chat.collate import ModelBatch, pack_rows, pad_right
from mlcore.chat.kit import RenderKit
from mlcore.chat.render import UNSUPERVISED, Renderer, TrainingExample
from mlcore.models.forward import hidden_states, lm_logits
from mlcore.models.load import load_model
from tests.support.scenes import make_image, make_record

SIZES = ((96, 64), (32, 32), (64, 160))
EXACT = 2e-5
"""largest logit difference that float32 summation order explains here"""
LEAK = 1e-2


@pytest.fixture(scope="module", params=["sdpa", "eager"])
def model(tiny_checkpoint: Path, request: pytest.FixtureRequest):
    loaded = load_model(tiny_checkpoint)
    loaded.set_attn_implementation(request.param)
    sharpen(loaded)
    return loaded


def sharpen(model) -> None:
    """Scale the starting weights up, so that a leak moves the logits visibly."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(3.0)


@pytest.fixture(scope="module")
def renderer(tiny_checkpoint: Path) -> Renderer:
    return Renderer(RenderKit.from_folder(tiny_checkpoint))


@pytest.fixture(scope="module")
def examples(renderer: Renderer) -> list[TrainingExample]:
    return [
        renderer.training_example(
            make_record(n, *size), None, "dense" if n % 2 else "summary",
            image=make_image(n, *size),
        )
        for n, size in enumerate(SIZES)
    ]


def run(model, batch: ModelBatch) -> torch.Tensor:
    states = hidden_states(
        model, batch.input_ids, batch.position_ids, batch.pixel_values, batch.image_grid_thw
    )
    return lm_logits(model, states.flatten(0, 1)).view(*batch.input_ids.shape, -1)


def alone(model, examples: Sequence[TrainingExample], pad: int) -> list[torch.Tensor]:
    return [run(model, pad_right([example], pad))[0] for example in examples]


def worst(packed: torch.Tensor, single: Sequence[torch.Tensor]) -> float:
    """Largest difference of a packed row's logits [L, V] from its samples alone."""
    start, difference = 0, 0.0
    for logits in single:
        part = packed[start : start + len(logits)]
        difference = max(difference, float((part - logits).abs().max()))
        start += len(logits)
    return difference


@torch.no_grad()
def test_packed_equals_alone(model, renderer: Renderer, examples) -> None:
    pad = renderer.ids.pad
    packed = run(model, pack_rows([examples], pad))[0]
    assert worst(packed, alone(model, examples, pad)) < EXACT


@torch.no_grad()
def test_packed_equals_alone_in_training_mode(model, renderer: Renderer, examples) -> None:
    pad = renderer.ids.pad
    single = alone(model, examples, pad)
    model.train()
    packed = run(model, pack_rows([examples], pad))[0]
    model.eval()
    assert worst(packed, single) < EXACT


@torch.no_grad()
def test_two_packed_rows_of_different_length_equal_alone(
    model, renderer: Renderer, examples
) -> None:
    pad = renderer.ids.pad
    rows = [examples, examples[:1]]
    logits = run(model, pack_rows(rows, pad))
    for row, members in zip(logits, rows, strict=True):
        assert worst(row, alone(model, members, pad)) < EXACT


@torch.no_grad()
def test_right_padding_equals_alone(model, renderer: Renderer, examples) -> None:
    pad = renderer.ids.pad
    logits = run(model, pad_right(examples, pad))
    for row, single in zip(logits, alone(model, examples, pad), strict=True):
        assert worst(row, [single]) < EXACT


def test_gradients_of_a_pack_equal_the_sum_of_its_samples(
    model, renderer: Renderer, examples
) -> None:
    pad = renderer.ids.pad

    def gradients(batches: list[ModelBatch]) -> dict[str, torch.Tensor]:
        model.zero_grad()
        for batch in batches:
            kept = batch.labels[:, 1:] != UNSUPERVISED
            torch.nn.functional.cross_entropy(
                run(model, batch)[:, :-1][kept], batch.labels[:, 1:][kept], reduction="sum"
            ).backward()
        return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    packed = gradients([pack_rows([examples], pad)])
    single = gradients([pad_right([example], pad) for example in examples])
    assert packed.keys() == single.keys()
    for name, value in packed.items():
        scale = float(single[name].abs().max()) + 1e-6
        assert float((value - single[name]).abs().max()) < 1e-4 * scale, name


@torch.no_grad()
@pytest.mark.parametrize("feed", ["cache", "mask", "three_axes", "plain_positions", "none"])
def test_the_feeds_that_leak_do_leak(model, renderer: Renderer, examples, feed: str) -> None:
    """If one of these becomes exact, the library has changed: read forward.py again."""
    pad = renderer.ids.pad
    batch = pack_rows([examples], pad)
    ids = batch.input_ids
    arguments: dict[str, object] = {"position_ids": batch.position_ids, "use_cache": False}
    if feed == "cache":
        arguments.pop("use_cache")
    elif feed == "mask":
        arguments["attention_mask"] = torch.ones_like(ids)
    elif feed == "three_axes":
        arguments["position_ids"] = batch.position_ids[1:]
    elif feed == "plain_positions":
        arguments["position_ids"] = batch.position_ids[0]
    else:
        arguments["position_ids"] = None
        arguments["mm_token_type_ids"] = (ids == renderer.ids.image_pad).int()
    logits = model(
        input_ids=ids, pixel_values=batch.pixel_values, image_grid_thw=batch.image_grid_thw,
        **arguments,
    ).logits[0]
    assert worst(logits, alone(model, examples, pad)) > LEAK


def test_no_label_stands_at_the_start_of_a_sample(renderer: Renderer, examples) -> None:
    batch = pack_rows([examples], renderer.ids.pad)
    starts = (batch.position_ids[0] == 0).nonzero()[:, 1]
    assert len(starts) == len(examples)
    assert (batch.labels[0, starts] == UNSUPERVISED).all()
