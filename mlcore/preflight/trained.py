"""Which parameters a run trains, by the shapes of its checkpoint."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import torch

from mlcore.models.groups import Group, group_of
from mlcore.preflight.scene import Scene
from mlcore.train.optim import is_matrix


@dataclass(frozen=True)
class Trained:
    """Trained parameters by group, and how many of them Muon takes."""

    by_group: Counter[Group]
    matrices: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_group.values())


def trained(scene: Scene) -> Trained:
    """Every weight of the checkpoint."""
    by_group: Counter[Group] = Counter()
    matrices = 0
    for name, shape in scene.weights.wanted.items():
        if name in scene.weights.tied:
            continue
        blank = torch.nn.Parameter(torch.empty(shape, device="meta"))
        by_group[group_of(name)] += blank.numel()
        if scene.config.optim.optimizer == "muon" and is_matrix(name, blank):
            matrices += blank.numel()
    return Trained(by_group, matrices)
