"""What only a GPU can show: phases timed in its stream, its memory, and MFU.

    python -m pytest tests/gpu -q -s
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mlcore.run.events import read_events
from mlcore.train import job
from mlcore.train.flops import peak_of
from tests.support.scenes import make_checkpoint
from tests.support.training import config_of, context, sft_settings, write_training_set

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


def test_a_run_on_a_gpu_tells_its_phases_memory_and_mfu(tmp_path: Path) -> None:
    settings = sft_settings(
        write_training_set(tmp_path / "data"),
        make_checkpoint(tmp_path / "model"),
        device="cuda",
        dtype="bfloat16",
        steps=20,
        log_every=10,
    )
    job.run(config_of(settings), context(tmp_path / "run"))
    events = read_events(tmp_path / "run" / "events" / "attempt-1.jsonl")
    rows = [e["values"] for e in events if e["type"] == "metric" and "train/loss" in e["values"]]
    name = torch.cuda.get_device_name()
    for values in rows:
        phases = [values[f"time/{p}_s"] for p in ("data", "forward", "backward", "optimizer")]
        assert all(seconds > 0 for seconds in phases)
        assert sum(phases) <= 1.05 * values["time/step_s"]
        assert values["memory/cuda_peak_bytes"] > 0
        assert ("train/mfu" in values) == (peak_of(name) is not None)
        assert 0 < values.get("train/mfu", 0.5) < 1
    print(name, rows[-1])
