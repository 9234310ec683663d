"""What tests/gpu measures on a GPU, tried here at a size for a CPU: that nothing but the card is
missing, and that its figures are put together rightly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mlcore.models.tiny import model_config, train_tokenizer
from tests.support.large import QWEN3_VL_4B, TINY, make_work, measure, random_model, speed_of


def test_the_large_model_has_the_sizes_of_qwen3_vl_4b() -> None:
    config = model_config(QWEN3_VL_4B.recipe, train_tokenizer(QWEN3_VL_4B.recipe, ["螺丝"]))
    model = random_model(config, QWEN3_VL_4B, "meta", torch.bfloat16)
    text = model.model.language_model
    attention = 2 * 2560 * (32 + 8) * 128 + 2 * 128
    layer = attention + 3 * 2560 * 9728 + 2 * 2560
    table = (151_936 + 1000) * 2560
    assert count(text) == 36 * layer + table + 2560
    assert model.lm_head.weight is text.embed_tokens.weight
    assert 0.4e9 < count(model.model.visual) < 0.45e9
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    assert QWEN3_VL_4B.image_tokens == 24 * 24
    assert torch.get_default_dtype() == torch.float32


def test_windows_after_the_warm_up_are_weighed_by_their_seconds() -> None:
    size = replace(TINY, warm_up=10, steps=20)
    events = [window(10, 100.0, 1.0), window(20, 1.0, 900.0), window(30, 3.0, 300.0)]
    speed = speed_of(events, size)
    assert speed.steps == 20
    assert speed.tokens_per_s == pytest.approx((900 * 1 + 300 * 3) / 4)
    assert speed.data_share == pytest.approx(0.01)
    assert speed.mfu is None
    assert speed.peak_bytes == 7.0


@pytest.mark.slow
@pytest.mark.parametrize("tuning", [{"type": "full"}, {"type": "lora", "rank": 4}])
def test_the_measurement_runs_on_a_cpu(tmp_path: Path, tuning: dict[str, Any]) -> None:
    work = make_work(tmp_path, TINY, "cpu", torch.float32)
    changes = {"device": "cpu", "tuning": tuning, "optim": {"optimizer": "adamw", "lr": 1e-4}}
    speed = measure(work, tmp_path / "run", changes)
    assert speed.tokens_per_s > speed.supervised_per_s > 0
    assert 0 < speed.image_share < 1
    assert 0 <= speed.data_share < 1
    assert speed.samples_per_row > 1
    assert speed.mfu is None


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def window(step: int, seconds: float, tokens: float) -> dict[str, Any]:
    """A metric event of ten steps that took so long each and read so many tokens a second."""
    values = {
        "train/loss": 1.0,
        "train/tokens_per_s": tokens,
        "train/supervised_tokens_per_s": tokens / 2,
        "train/samples_per_s": tokens / 100,
        "time/step_s": seconds,
        "time/data_s": seconds / 100,
        "pack/fill": 0.9,
        "pack/samples_per_row": 4.0,
        "memory/peak_rss_bytes": 7.0,
    }
    return {"type": "metric", "step": step, "values": values}
