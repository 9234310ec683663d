"""How fast a model with the sizes of Qwen3-VL-4B learns from packed rows: tokens per second with
those of pictures, MFU, how long the GPU waits for samples, and memory. Its weights are random.

    python -m pytest tests/gpu/test_large_model.py -q -s

It is made for a GPU of 80 GB and wants 30 GB of disk, below pytest's --basetemp.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.bench.figures import Figures
from tests.support.large import QWEN3_VL_4B, Speed, Work, make_work, measure

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
MFU = 0.45
WAIT = 0.03
TUNINGS: dict[str, dict[str, Any]] = {
    "LoRA": {
        "tuning": {"type": "lora", "rank": 32, "alpha": 64},
        "optim": {"optimizer": "adamw", "lr": 1e-4},
    },
    "full": {
        "tuning": {"type": "full"},
        "optim": {"optimizer": "adamw", "lr": 1e-5},
        "master_dtype": "bfloat16",
        "packing": {"type": "packed", "row_tokens": 3072},
    },
}
"""The masters of full tuning are bfloat16: in float32, with gradients and AdamW's state, they
alone take 16 bytes of each of 4.4 billion weights, 71 GB. Shorter rows leave room for them: by the
shapes a forward pass of 3,500 tokens with 5 pictures keeps about 37 GB."""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """Written once for both tunings."""
    return make_work(tmp_path_factory.mktemp("large"), QWEN3_VL_4B, "cuda", torch.bfloat16)


@pytest.mark.parametrize("tuning", list(TUNINGS))
def test_a_large_model_learns_at_speed(
    figures: Figures, work: Work, tmp_path: Path, tuning: str
) -> None:
    attention = "sdpa" if find_spec("flash_attn") is None else "flash_attention_2"
    common = {
        "device": "cuda",
        "dtype": "bfloat16",
        "attention": attention,
        # What the estimates say is told as a warning; here the run itself is to show it.
        "preflight": {"accept": ["memory", "disk"]},
    }
    speed = measure(work, tmp_path / "run", {**common, **TUNINGS[tuning]})
    shutil.rmtree(tmp_path / "run" / "artifacts")
    about = f"{tuning}, {work.parameters / 1e9:.2f} B parameters, {attention}"
    assert tell(figures, about, speed) == []


def tell(figures: Figures, about: str, speed: Speed) -> list[str]:
    """Keep every figure; returns the goals that were missed."""
    n = speed.steps
    figures(f"{about}: tokens/s, images' included", speed.tokens_per_s, "tokens/s", n)
    figures(f"{about}: supervised tokens/s", speed.supervised_per_s, "tokens/s", n)
    figures(f"{about}: tokens that are images'", 100 * speed.image_share, "%", n)
    figures(f"{about}: rows filled", 100 * speed.fill, "%", n)
    figures(f"{about}: samples a row", speed.samples_per_row, "samples", n)
    figures(f"{about}: peak memory", speed.peak_bytes / 1e9, "GB", n)
    wait = 100 * speed.data_share
    figures(f"{about}: waiting for samples", wait, "%", n, f"< {100 * WAIT:g}")
    missed = [] if speed.data_share < WAIT else [f"waits for samples {wait:.1f} % of a step"]
    if speed.mfu is None:
        print(f"  {about}: MFU skipped, the peak of this device is not known")
    else:
        figures(f"{about}: MFU", 100 * speed.mfu, "%", n, f">= {100 * MFU:g}")
        missed += [] if speed.mfu >= MFU else [f"MFU {100 * speed.mfu:.1f} %"]
    return missed
