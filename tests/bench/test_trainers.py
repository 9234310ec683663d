"""Supervised tokens per second beside TRL and ms-swift: the same small Qwen3-VL, the same samples,
one thread each, float32, taking turns. Ours runs with its shipped defaults; the others with
theirs, but without the checkpointing of activations, which costs them time here. Samples per
second become tokens by the same count of supervised tokens per sample for all.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bench.figures import Figures, median
from tests.bench.trainers.peers import HERE, TRAINERS, environment, timed
from tests.bench.trainers.samples import Work, make_work

BATCH = 8
SAMPLES = {"1M": 256, "20M": 96}
EPOCHS = {"1M": 2, "20M": 1}
"""that are timed, so that nobody draws an easier set of samples"""
SKIP = 10
"""steps before the clock starts"""
ROUNDS = 3
OURS: dict[str, dict[str, Any]] = {
    "unpacked": {"packing": {"type": "none"}},
    "packed": {"packing": {"type": "packed"}},
}
TARGETS = {"unpacked": 1.2, "packed": 1.8}


@pytest.mark.parametrize("size", list(SAMPLES))
def test_fine_tuning_beside_other_trainers(figures: Figures, tmp_path: Path, size: str) -> None:
    work = make_work(tmp_path, size, SAMPLES[size])
    steps = SKIP + EPOCHS[size] * SAMPLES[size] // BATCH
    speeds: dict[str, list[float]] = {}
    peaks: dict[str, list[float]] = {}

    def take(name: str, told: dict[str, Any]) -> None:
        samples = told["steps"] * BATCH
        speeds.setdefault(name, []).append(samples * work.supervised / told["seconds"])
        peaks.setdefault(name, []).append(told["peak_bytes"] / 1e6)

    for turn in range(ROUNDS):
        for name, changes in OURS.items():
            take(f"ours, {name}", _own(work, changes, steps, tmp_path / f"{name}-{turn}"))
        for trainer in TRAINERS:
            python = environment(trainer)
            if isinstance(python, str):
                pytest.skip(python)
            out = str(tmp_path / f"{trainer.name}-{turn}")
            talk = [str(work.checkpoint), str(work.conversations)]
            told = timed(python, trainer.script, [*talk, str(BATCH), str(steps), str(SKIP), out])
            take(f"{trainer.name} {trainer.version}", told)
    about = f"{work.parameters:,} parameters, {work.tokens:.0f} tokens a sample"
    for name, found in speeds.items():
        figures(f"{name}: supervised tokens/s, {about}", median(found), "tokens/s", len(found))
        figures(f"{name}: peak RSS, {about}", median(peaks[name]), "MB", len(found))
    others = [name for name in speeds if not name.startswith("ours")]
    best = max(median(speeds[name]) for name in others)
    least = min(median(peaks[name]) for name in others)
    missed = []
    for name, target in TARGETS.items():
        ratio = median(speeds[f"ours, {name}"]) / best
        n = len(speeds[f"ours, {name}"])
        figures(f"ours, {name} / the better of the two, {size}", ratio, "x", n, f">= {target}")
        missed += [] if ratio >= target else [f"{name}: {ratio:.2f} x"]
        memory = median(peaks[f"ours, {name}"]) / least
        figures(f"ours, {name}: peak RSS / the leaner of the two, {size}", memory, "x", n, "<= 1")
        missed += [] if memory <= 1 else [f"{name}: {memory:.2f} x of the memory"]
    assert missed == []


def _own(work: Work, changes: dict[str, Any], steps: int, folder: Path) -> dict[str, Any]:
    config = {
        "kind": "sft",
        "model": {"type": "checkpoint", "checkpoint": str(work.checkpoint)},
        "data": {"dataset": str(work.dataset), "summary_share": 0.0},
        "steps": steps,
        "batch_size": BATCH,
        "micro_batch": BATCH,
        "evaluation": {"images": 0},
        "device": "cpu",
        **changes,
    }
    path = folder.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    own = HERE / "own_side.py"
    return timed(sys.executable, own, [str(path), str(folder), str(SKIP)])
