"""Number formats, recomputed activations and kinds of attention change memory, not meaning."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file
from torch import nn
from transformers import Qwen3VLForConditionalGeneration

from mlcore.chat.collate import ModelBatch, pack_rows, pad_right
from mlcore.chat.kit import RenderKit
from mlcore.chat.render import Renderer, TrainingExample
from mlcore.errors import ConfigError
from mlcore.models import forward
from mlcore.models.forward import hidden_states
from mlcore.models.load import load_model
from mlcore.train import job, precision
from mlcore.train.precision import finish_model, loading_format, prepare_model
from tests.support.scenes import make_image, make_record
from tests.support.training import context, metrics, sft_config


@pytest.fixture(scope="module")
def examples(tiny_checkpoint: Path) -> list[TrainingExample]:
    renderer = Renderer(RenderKit.from_folder(tiny_checkpoint))
    return [
        renderer.training_example(
            make_record(n, 64, 64, objects=1 + n), None, "dense", image=make_image(n, 64, 64)
        )
        for n in range(3)
    ]


def states(model: Qwen3VLForConditionalGeneration, batch: ModelBatch) -> torch.Tensor:
    pixels = None if batch.pixel_values is None else batch.pixel_values.to(model.dtype)
    return hidden_states(
        model, batch.input_ids, batch.position_ids, pixels, batch.image_grid_thw
    )


@contextmanager
def kept_bytes() -> Iterator[list[int]]:
    """Bytes that autograd keeps for the backward pass."""
    sizes: list[int] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        sizes.append(tensor.numel() * tensor.element_size())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield sizes


def test_recomputed_activations_give_the_same_gradients_from_less_memory(
    tiny_checkpoint: Path, examples: list[TrainingExample]
) -> None:
    batch = pad_right(examples, 0)
    gradients, kept = [], []
    for recompute in (False, True):
        model = load_model(tiny_checkpoint)
        prepare_model(model, sft_config(Path(), gradient_checkpointing=recompute))
        model.train()
        with kept_bytes() as sizes:
            loss = states(model, batch).square().sum()
        torch.autograd.backward(loss)
        kept.append(sum(sizes))
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, expected in gradients[0].items():
        assert torch.equal(gradients[1][name], expected), name
    assert kept[1] < 0.5 * kept[0]


def test_rows_of_flash_attention_are_fed_as_one(
    tiny_checkpoint: Path, examples: list[TrainingExample], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(tiny_checkpoint, torch.float64)
    batch = pack_rows([examples[:2], examples[2:], examples], 0)
    with torch.inference_mode():
        expected = states(model, batch)
        monkeypatch.setattr(forward, "attention_of", lambda model: forward.FLASH)
        got = states(model, batch)
    owned = batch.owner >= 0
    torch.testing.assert_close(got[owned], expected[owned], rtol=0, atol=1e-9)


def test_eager_attention_is_the_same_attention(
    tiny_checkpoint: Path, examples: list[TrainingExample]
) -> None:
    batch = pad_right(examples, 0)
    with torch.inference_mode():
        got = states(load_model(tiny_checkpoint, torch.float64, "eager"), batch)
        expected = states(load_model(tiny_checkpoint, torch.float64, "sdpa"), batch)
    owned = batch.owner >= 0
    # The eager one has its softmax in float32 whatever the format.
    torch.testing.assert_close(got[owned], expected[owned], rtol=0, atol=1e-5)


MIXED: dict[str, Any] = {"dtype": "bfloat16"}


def formats(model: nn.Module) -> dict[torch.dtype, int]:
    found: dict[torch.dtype, int] = {}
    for parameter in model.parameters():
        found[parameter.dtype] = found.get(parameter.dtype, 0) + 1
    return found


def test_trained_weights_are_float32_and_frozen_ones_are_not(tiny_checkpoint: Path) -> None:
    config = sft_config(Path(), tiny_checkpoint, **MIXED)
    model = load_model(tiny_checkpoint, loading_format(config, tiny_checkpoint))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for parameter in model.model.visual.parameters():
        parameter.requires_grad = False
    prepare_model(model, config)
    assert {p.dtype for p in model.model.visual.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in model.model.language_model.parameters()} == {torch.float32}
    rows = "model.language_model.layers.0.mlp.up_proj.weight"
    assert torch.equal(model.state_dict()[rows], before[rows])
    finish_model(model, config)
    assert set(formats(model)) == {torch.bfloat16}


def test_without_masters_everything_is_half_as_wide(tiny_checkpoint: Path) -> None:
    config = sft_config(Path(), tiny_checkpoint, **MIXED, master_dtype="bfloat16")
    assert loading_format(config, tiny_checkpoint) == torch.bfloat16
    model = load_model(tiny_checkpoint, torch.bfloat16)
    prepare_model(model, config)
    assert set(formats(model)) == {torch.bfloat16}


def test_a_run_in_bfloat16_learns_the_same_from_float32_masters(
    tmp_path: Path, training_set: Path, tiny_checkpoint: Path
) -> None:
    policy = {"every_steps": 1}
    settings: dict[str, Any] = {"steps": 2, "batch_size": 2, "checkpoint": policy}
    job.run(sft_config(training_set, tiny_checkpoint, **settings), context(tmp_path / "full"))
    config = sft_config(training_set, tiny_checkpoint, **settings, **MIXED)
    job.run(config, context(tmp_path / "half"))
    full, half = metrics(tmp_path / "full"), metrics(tmp_path / "half")
    for step in (1, 2):
        assert half[step]["loss"] == pytest.approx(full[step]["loss"], rel=0.01)
    saved = tmp_path / "half" / "checkpoints" / "step-2"
    for name in ("model.safetensors", "optim.safetensors"):
        assert {v.dtype for v in load_file(saved / name).values()} == {torch.float32}
    output = load_file(tmp_path / "half" / "artifacts" / "model" / "model.safetensors")
    assert {value.dtype for value in output.values()} == {torch.bfloat16}


def test_attention_that_cannot_be_computed_is_refused_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "find_spec", lambda name: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    config = sft_config(
        tmp_path / "none", tmp_path / "none", device="auto", attention=forward.FLASH, **MIXED
    )
    with pytest.raises(ConfigError, match=r"flash_attn is not installed and there is no GPU") as no:
        job.run(config, context(tmp_path / "run"))
    assert "sdpa" in no.value.hint


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"master_dtype": "bfloat16"}, "needs dtype: bfloat16"),
        ({"attention": "flash_attention_2"}, "needs dtype: bfloat16"),
        ({"attention": "flash_attention_2", "dtype": "bfloat16"}, "device is cpu"),
        ({"attention": "magic"}, "eager"),
    ],
)
def test_formats_that_do_not_go_together_are_refused(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        sft_config(Path(), **wrong)
