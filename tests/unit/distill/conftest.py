"""A student, a teacher that differs from it, and batches for both."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import Qwen3VLForConditionalGeneration

from mlcore.chat.kit import RenderKit
from mlcore.chat.render import Renderer, TrainingExample
from mlcore.distill.teacher import Teacher
from mlcore.models.load import load_model, load_processor
from tests.support.scenes import make_image, make_record


@pytest.fixture(scope="session")
def renderer(tiny_checkpoint: Path) -> Renderer:
    return Renderer(RenderKit.from_folder(tiny_checkpoint))


@pytest.fixture(scope="session")
def examples(renderer: Renderer) -> list[TrainingExample]:
    """Six dense samples of different length."""
    return [
        renderer.training_example(
            make_record(n, 64, 64, objects=1 + n % 3), None, "dense", image=make_image(n, 64, 64)
        )
        for n in range(6)
    ]


def disturbed(folder: Path, seed: int, dtype: torch.dtype) -> Qwen3VLForConditionalGeneration:
    """The model of a checkpoint with a little noise on every weight."""
    model = load_model(folder, dtype)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator, dtype=dtype)
    return model


@pytest.fixture
def student(tiny_checkpoint: Path) -> Qwen3VLForConditionalGeneration:
    return load_model(tiny_checkpoint, torch.float64)


@pytest.fixture(scope="session")
def teacher(tiny_checkpoint: Path) -> Teacher:
    """In double precision. Read only."""
    model = disturbed(tiny_checkpoint, 1, torch.float64)
    return Teacher(model, load_processor(tiny_checkpoint))
