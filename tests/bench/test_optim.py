"""Milliseconds of an update of the shipped base model, beside torch's Muon, one thread."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from mlcore.models.load import load_model
from mlcore.run.context import BUILTIN
from mlcore.train.muon import Muon
from mlcore.train.optim import is_matrix
from tests.bench.figures import Figures, median

ROUNDS = 7


def milliseconds(step: Callable[[], object]) -> float:
    step()
    rows = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        step()
        rows.append((time.perf_counter() - began) * 1e3)
    return median(rows)


def test_an_update_of_muon_is_faster_than_torch_s_on_a_cpu(figures: Figures) -> None:
    torch.set_num_threads(1)
    model = load_model(BUILTIN / "base")
    matrices = [p for name, p in model.named_parameters() if is_matrix(name, p)]
    for parameter in matrices:
        parameter.grad = torch.randn_like(parameter)
    ours = milliseconds(Muon(matrices, lr=1e-4).step)
    peer = torch.optim.Muon(matrices, lr=1e-4, adjust_lr_fn="match_rms_adamw")
    theirs = milliseconds(peer.step)
    figures("optim/muon_ms", ours, "ms", ROUNDS)
    figures("optim/muon_torch_ms", theirs, "ms", ROUNDS)
    assert ours < theirs
