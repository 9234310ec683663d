"""Draws for a sample are fixed by seed, epoch, sample and purpose, and by nothing else."""

from __future__ import annotations

import subprocess
import sys

from mlcore.randomness import sample_rng


def draw(seed: int = 1, epoch: int = 2, sample: str = "a", purpose: str = "augment") -> float:
    return float(sample_rng(seed, epoch, sample, purpose).random())


def test_the_same_arguments_draw_the_same() -> None:
    assert draw() == draw()


def test_every_argument_matters() -> None:
    draws = {draw(), draw(seed=3), draw(epoch=3), draw(sample="b"), draw(purpose="mode")}
    assert len(draws) == 5


def test_parts_do_not_run_into_each_other() -> None:
    assert draw(seed=1, epoch=12) != draw(seed=11, epoch=2)


def test_another_process_draws_the_same() -> None:
    code = "from mlcore.randomness import sample_rng as r; print(r(1, 2, 'a', 'augment').random())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) == draw()
