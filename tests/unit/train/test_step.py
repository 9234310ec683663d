"""The step's sums are those of the whole model, computed on the supervised rows alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from transformers import Qwen3VLForConditionalGeneration

from mlcore.chat.collate import ModelBatch, pad_right
from mlcore.chat.kit import RenderKit
from mlcore.chat.prompts import Mode
from mlcore.chat.render import UNSUPERVISED, Renderer
from mlcore.chat.token_types import TYPES
from mlcore.losses.head import CHUNK_BYTES
from mlcore.losses.terms import Counts, Objective
from mlcore.models.load import load_model
from mlcore.train.config import CoordLossConfig
from mlcore.train.step import SftStep
from tests.support.library import full_logits
from tests.support.scenes import make_image, make_record

Parts = tuple[Qwen3VLForConditionalGeneration, Renderer]


@pytest.fixture(scope="module")
def parts(tiny_checkpoint: Path) -> Parts:
    return load_model(tiny_checkpoint), Renderer(RenderKit.from_folder(tiny_checkpoint))


def batch_of(renderer: Renderer, numbers: list[int], mode: Mode) -> ModelBatch:
    """Records of different length, so that rows are padded."""
    examples = [
        renderer.training_example(
            make_record(n, 64, 64, objects=1 + n % 3), None, mode, image=make_image(n, 64, 64)
        )
        for n in numbers
    ]
    return pad_right(examples, renderer.ids.pad)


def reference(model: Any, batch: ModelBatch) -> torch.Tensor:
    """Cross-entropy summed over every supervised token, from the library's own full logits."""
    logits = full_logits(model, batch)
    total: torch.Tensor = F.cross_entropy(
        logits[:, :-1].flatten(0, 1),
        batch.labels[:, 1:].flatten(),
        ignore_index=UNSUPERVISED,
        reduction="sum",
    )
    return total


PLAIN = Objective()
SOFT = Objective(CoordLossConfig(ce_weight=0.5, w1_weight=2.0, text_gate_weight=0.3))


@pytest.mark.parametrize("mode", ["dense", "summary"])
def test_the_loss_without_softening_is_the_library_s_cross_entropy(
    parts: Parts, mode: Mode
) -> None:
    model, renderer = parts
    batch = batch_of(renderer, [1, 2, 3], mode)
    step = SftStep(model, list(renderer.coord_ids), PLAIN)
    counts = Counts(*step.counts(batch).sum(0).tolist())
    out = step(batch, counts, 1.0)
    whole = reference(model, batch).item()
    assert out.loss.item() * sum(counts) == pytest.approx(whole, rel=1e-5)
    assert (out.sums["text"] + out.sums["coord"]).item() == pytest.approx(whole, rel=1e-5)
    assert (out.sums["coord"] > 0) == (mode == "dense")


@pytest.mark.parametrize("objective", [PLAIN, SOFT])
def test_samples_add_up_whatever_they_are_batched_with(parts: Parts, objective: Objective) -> None:
    model, renderer = parts
    step = SftStep(model, list(renderer.coord_ids), objective)
    whole = Counts(50.0, 20.0)
    together = step(batch_of(renderer, [4, 5, 6], "dense"), whole, 3.0)
    alone = [step(batch_of(renderer, [n], "dense"), whole, 3.0) for n in (4, 5, 6)]
    assert together.loss.item() == pytest.approx(sum(a.loss.item() for a in alone), rel=1e-5)
    assert set(together.sums) == {term.name for term in objective.terms}
    for name, sums in together.samples.items():
        assert sums.tolist() == pytest.approx([a.sums[name].item() for a in alone], rel=1e-4)
        assert together.sums[name].item() == pytest.approx(sums.sum().item())


def test_coordinates_are_counted_apart_from_text(parts: Parts) -> None:
    model, renderer = parts
    numbers = [1, 2, 3]
    batch = batch_of(renderer, numbers, "dense")
    counts = SftStep(model, list(renderer.coord_ids)).counts(batch)
    records = [make_record(n, 64, 64, objects=1 + n % 3) for n in numbers]
    assert counts[:, 1].tolist() == [sum(len(o.points) for o in r.objects) for r in records]
    assert (counts[:, 0] > 0).all()
    assert int(counts.sum()) == int((batch.labels != UNSUPERVISED).sum())


def test_a_summary_has_no_coordinates(parts: Parts) -> None:
    model, renderer = parts
    step = SftStep(model, list(renderer.coord_ids), SOFT)
    batch = batch_of(renderer, [1, 2], "summary")
    assert step.counts(batch)[:, 1].tolist() == [0, 0]
    out = step(batch, Counts(40.0, 0.0), 3.0)
    assert out.samples["coord_w1"].tolist() == [0.0, 0.0]
    out.loss.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("chunk_bytes", [1, CHUNK_BYTES])
def test_right_tokens_are_those_of_the_library_s_logits_by_sample_and_type(
    parts: Parts, chunk_bytes: int
) -> None:
    model, renderer = parts
    batch = batch_of(renderer, [1, 2, 3], "dense")
    step = SftStep(model, list(renderer.coord_ids), SOFT, chunk_bytes)
    with torch.no_grad():
        logits = full_logits(model, batch)[:, :-1]
    # The model is untrained: what it says most is made right, so that some tokens are.
    labels = batch.labels[:, 1:]
    likeliest = logits.argmax(-1)
    labels[:, ::3] = torch.where(labels[:, ::3] >= 0, likeliest[:, ::3], labels[:, ::3])
    right = torch.zeros(3, len(TYPES))
    for row, place in (labels >= 0).nonzero().tolist():
        hit = bool(likeliest[row, place] == labels[row, place])
        right[row, int(batch.types[row, place + 1])] += hit
    out = step(batch, Counts(50.0, 20.0), 3.0)
    assert out.right.tolist() == right.tolist()
    assert (right.sum(1) > 0).all()


def test_the_step_adds_nothing_to_the_model_s_weights(parts: Parts) -> None:
    model, renderer = parts
    names = {
        name.removeprefix("model.")
        for name in SftStep(model, list(renderer.coord_ids)).state_dict()
    }
    assert names == set(model.state_dict())
