"""The estimate of memory against what autograd really keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import BOFTConfig, get_peft_model
from torch import nn
from torch.distributed._tools.mem_tracker import MemTracker

from mlcore.chat.collate import pad_right
from mlcore.distill.teacher import Teacher
from mlcore.losses.jsd import jsd
from mlcore.models.forward import hidden_states
from mlcore.models.load import load_model, load_processor
from mlcore.preflight.estimate import (
    FLOAT32,
    JUDGED_COPIES,
    Estimate,
    Work,
    estimate,
    with_teacher,
    with_turns,
)
from mlcore.preflight.scene import Scene
from mlcore.train.config.distill import FEATURES


def kept_bytes(checkpoint: Path, scene: Scene, rows: int) -> tuple[int, Work]:
    """Bytes of every tensor that the forward pass of `rows` samples keeps for the way back."""
    model = load_model(checkpoint)
    feed = scene.prepared.source.feeds[0]
    examples = [
        feed.renderer.training_example(record, feed.root, "dense") for record in feed.records[:rows]
    ]
    batch = pad_right(examples, feed.renderer.ids.pad)
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):  # type: ignore[func-returns-value]
        hidden_states(
            model, batch.input_ids, batch.position_ids, batch.pixel_values, batch.image_grid_thw
        )
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in kept}
    total = sum(size for place, size in storages.items() if place not in own)
    length = batch.input_ids.shape[1]
    assert batch.pixel_values is not None
    return total, Work(batch.input_ids.numel(), len(batch.pixel_values), 0, 4, length)


@pytest.mark.parametrize("rows", [2, 6])
def test_activations_are_what_autograd_keeps_within_a_third(
    tiny_checkpoint: Path, scene: Scene, rows: int
) -> None:
    measured, work = kept_bytes(tiny_checkpoint, scene, rows)
    counted = estimate(scene.weights.config, 0, 0, 0, work).activations
    assert counted == pytest.approx(measured, rel=0.33)


def test_fixed_memory_is_exact(scene: Scene) -> None:
    found = estimate(scene.weights.config, 100, 60, 40, Work(0, 0, 0, 4, 1))
    assert (found.weights, found.gradients) == (400, 240)
    assert found.optimiser == 4 * (2 * 20 + 40)
    assert found.fixed == found.total


def test_a_teacher_is_counted_with_its_weights_and_what_is_kept_of_its_pass(
    scene: Scene, tiny_checkpoint: Path
) -> None:
    """Its states and features are those that it really gives for the same batch."""
    model = load_model(tiny_checkpoint)
    teacher = Teacher(model, load_processor(tiny_checkpoint))
    feed = scene.prepared.source.feeds[0]
    example = feed.renderer.training_example(feed.records[0], feed.root, "dense")
    batch = pad_right([example], feed.renderer.ids.pad)
    assert batch.pixel_values is not None
    lesson = teacher.read(batch, FEATURES)
    assert lesson.states is not None
    given = [lesson.states, *(v for values in lesson.features.values() for v in values)]
    work = Work(batch.input_ids.numel(), len(batch.pixel_values), 0, 4, 1)
    plain = estimate(scene.weights.config, 100, 60, 40, work)
    size = scene.weights.parameters
    found = with_teacher(plain, scene.weights.config, size, work, FEATURES, words=True)
    assert found.lesson == sum(value.nbytes for value in given)
    assert found.teacher == sum(p.nbytes for p in model.parameters())
    assert found.fixed - plain.fixed == found.teacher
    assert found.total - plain.total == found.teacher + found.lesson
    eyes = with_teacher(plain, scene.weights.config, size, work, ["vit"], words=False)
    assert eyes.lesson == sum(value.nbytes for value in lesson.features["vit"])


def test_boft_holds_a_square_matrix_and_keeps_one_for_each_adapted_weight() -> None:
    """Many inputs and few outputs: all else that is held or kept is small."""
    plain = nn.Sequential(nn.Linear(512, 8, bias=False))
    model: nn.Module = get_peft_model(plain, BOFTConfig(target_modules=["0"], boft_block_size=4))  # type: ignore[arg-type]
    held = sum(b.nbytes for b in model.buffers())
    kept: dict[int, int] = {}

    def see(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(see, lambda t: t):
        model(torch.ones(1, 512))
    for own in (*model.parameters(), *model.buffers()):
        kept.pop(own.untyped_storage().data_ptr(), None)
    counted = with_turns(Estimate(0, 0, 0, 0, 0), 512**2, 512**2)
    assert counted.weights == held
    assert counted.activations == pytest.approx(sum(kept.values()), rel=0.1)


@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_comparing_words_takes_what_the_tracker_of_memory_sees(beta: float) -> None:
    rows, vocabulary = 16, 3000
    mine = torch.randn(rows, vocabulary, requires_grad=True)
    its = torch.randn(rows, vocabulary)
    with MemTracker() as seen:
        seen.track_external(mine, its)
        torch.autograd.backward(jsd(mine, its, beta, 1.0).sum())
    (total,) = (parts["Total"] for parts in seen.get_tracker_snapshot("peak").values())
    one = rows * vocabulary * FLOAT32
    assert total == pytest.approx((1 + JUDGED_COPIES) * one, rel=0.02)


def test_gradient_checkpointing_keeps_less_and_eager_attention_more(scene: Scene) -> None:
    def activations(*, eager: bool = False, checkpointing: bool = False) -> int:
        work = Work(4096, 1024, 0, 4, 512, eager=eager, checkpointing=checkpointing)
        return estimate(scene.weights.config, 0, 0, 0, work).activations

    assert activations(checkpointing=True) < activations() < activations(eager=True)
