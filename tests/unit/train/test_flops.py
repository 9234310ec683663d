"""The arithmetic of a step against torch's own count of what it did."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mlcore.chat.collate import pad_right
from mlcore.chat.kit import RenderKit
from mlcore.chat.render import Renderer, TrainingExample
from mlcore.models.forward import hidden_states, lm_logits
from mlcore.models.groups import group_of
from mlcore.models.load import load_model
from mlcore.train.flops import PEAKS, Shape, peak_of
from mlcore.train.meter import Gauge
from tests.support.scenes import make_image, make_record
from tests.support.training import sft_config

FREEZE = [(), ("vit",), ("vit", "aligner"), ("llm",)]


@pytest.fixture(scope="module")
def example(tiny_checkpoint: Path) -> TrainingExample:
    renderer = Renderer(RenderKit.from_folder(tiny_checkpoint))
    return renderer.training_example(make_record(3), None, "dense", image=make_image(3))


def counted(model: object, example: TrainingExample) -> int:
    """What torch counts of a forward and backward pass, attention included."""
    batch = pad_right([example], 0)
    with FlopCounterMode(display=False) as counter:
        states = hidden_states(
            model, batch.input_ids, batch.position_ids, batch.pixel_values, batch.image_grid_thw
        )  # type: ignore[arg-type]
        supervised = batch.labels[:, 1:] >= 0
        lm_logits(model, states[:, :-1][supervised]).sum().backward()  # type: ignore[arg-type]
    return int(counter.get_total_flops())


@pytest.mark.parametrize("frozen", FREEZE, ids=lambda groups: "+".join(groups) or "all trained")
def test_the_formula_is_what_torch_does(
    tiny_checkpoint: Path, example: TrainingExample, frozen: tuple[str, ...]
) -> None:
    """torch's eager attention computes the half that a causal mask hides as well."""
    model = load_model(tiny_checkpoint)
    model.set_attn_implementation("eager")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(group_of(name) not in frozen)
    shape = Shape.of(model)
    hidden_half = 3 * 2 * shape.llm_width * len(example) ** 2
    assert shape.flops(example) + hidden_half == pytest.approx(
        counted(model, example), rel=0.02 if frozen else 1e-6
    )


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H100 PCIe", "H100 PCIe"),
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("NVIDIA GeForce GTX 1080", None),
    ],
)
def test_a_gpu_is_known_by_its_name(name: str, known: str | None) -> None:
    assert peak_of(name) == (PEAKS[known] if known else None)


def test_arithmetic_is_counted_on_known_gpus_in_bfloat16_alone(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(tiny_checkpoint)
    gpu = torch.device("cuda", 0)

    def counted_on(name: str, dtype: str, device: torch.device) -> bool:
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: name)
        gauge = Gauge.of(sft_config(tmp_path, dtype=dtype), model, device)
        assert (gauge.shape is None) == (gauge.peak is None)
        return gauge.peak is not None

    assert counted_on("NVIDIA H100 80GB HBM3", "bfloat16", gpu)
    assert not counted_on("NVIDIA H100 80GB HBM3", "float32", gpu)
    assert not counted_on("NVIDIA GeForce GTX 1080", "bfloat16", gpu)
    assert not counted_on("none", "bfloat16", torch.device("cpu"))
