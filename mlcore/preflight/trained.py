"""Which parameters a run trains: its tuning applied to the shapes of its checkpoint."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from transformers import Qwen3VLForConditionalGeneration

from mlcore.models.groups import Group, group_of
from mlcore.models.patch_embed import use_linear_patches
from mlcore.train.config import SftConfig
from mlcore.train.optim import is_matrix
from mlcore.tuning.tuned import tune


@dataclass(frozen=True)
class Trained:
    """Parameters: all with the adapters, the trained ones by group, those of them that Muon takes,
    and whether they are adapters that lie beside frozen weights. `turns` are the numbers of the
    square matrices, one of each adapted weight's input width, that BOFT holds as permutations."""

    parameters: int
    by_group: Counter[Group]
    matrices: int
    adapters: bool
    turns: int = 0

    @property
    def total(self) -> int:
        """The trained ones."""
        return sum(self.by_group.values())


def trained(config: SftConfig, model_config: Any, coord_ids: tuple[int, ...]) -> Trained:
    """Count them on a model without memory; only the adapters of BOFT, whose permutations cannot be
    made without, take theirs.

    Raises ConfigError for a tuning that names what the model does not have.
    """
    with torch.device("meta"), torch.random.fork_rng(devices=[]):
        model = Qwen3VLForConditionalGeneration(model_config)
        use_linear_patches(model)
    place = "cpu" if config.tuning.type == "boft" else "meta"
    with torch.device(place), torch.random.fork_rng(devices=[]):
        tuned = tune(model, config.tuning, coord_ids, steps=config.steps, seed=config.seed)
    by_group: Counter[Group] = Counter()
    parameters = matrices = 0
    for name, parameter in model.named_parameters():
        parameters += parameter.numel()
        if parameter.requires_grad:
            by_group[group_of(name)] += parameter.numel()
            if config.optim.optimizer == "muon" and is_matrix(name, parameter):
                matrices += parameter.numel()
    turns = sum(b.numel() for name, b in model.named_buffers() if name.endswith("boft_P"))
    return Trained(parameters, by_group, matrices, tuned.peft is not None, turns)
