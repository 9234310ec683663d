"""Optimisers: AdamW for all, or Muon for the matrices with AdamW for the rest; rates by group."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from mlcore.errors import ConfigError
from mlcore.models.groups import GROUPS, Group, group_of
from mlcore.train.config import OptimConfig
from mlcore.train.muon import Muon
from mlcore.train.schedule import rate

_TABLES = ("embed_tokens", "lm_head", "pos_embed")
FUSED = ("cpu", "cuda")
"""devices on which one kernel updates all weights: 2 to 6 times faster for small models"""


@dataclass
class ParameterGroup:
    """Trained weights with one rate and one decay, by name. `peak` is their highest rate."""

    group: Group
    optimizer: str
    peak: float
    floor: float
    weight_decay: float
    named: dict[str, nn.Parameter] = field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """What an optimiser of torch takes as one of its groups."""
        return {
            "params": list(self.named.values()),
            "lr": self.peak,
            "weight_decay": self.weight_decay,
            "peak": self.peak,
            "floor": self.floor,
            "group": self.group,
        }


def parameter_groups(model: nn.Module, config: OptimConfig) -> list[ParameterGroup]:
    """The trained weights of a model: Muon's first, each part of the model with and without
    decay, in the order in which the model names them."""
    found: dict[tuple[bool, Group, bool], ParameterGroup] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        group = group_of(name)
        muon = config.optimizer == "muon" and is_matrix(name, parameter)
        decays = muon or decayed(name, parameter)
        scale = config.muon_lr / config.lr if muon else 1.0
        key = (not muon, group, not decays)
        if key not in found:
            found[key] = ParameterGroup(
                group=group,
                optimizer="muon" if muon else "adamw",
                peak=config.peak(group) * scale,
                floor=config.floor_of(group),
                weight_decay=config.weight_decay if decays else 0.0,
            )
        found[key].named[name] = parameter
    order = {group: place for place, group in enumerate(GROUPS)}
    return [found[key] for key in sorted(found, key=lambda k: (k[0], order[k[1]], k[2]))]


class Optimizers:
    """One or two optimisers stepped together. State is plain tensors, saved by name."""

    def __init__(self, model: nn.Module, config: OptimConfig) -> None:
        self._config = config
        self._place = {name: at for at, (name, _) in enumerate(model.named_parameters())}
        self.groups = parameter_groups(model, config)
        self._parts: dict[str, torch.optim.Optimizer] = {}
        self._names: dict[str, list[str]] = {}
        for kind in ("muon", "adamw"):
            groups = [group for group in self.groups if group.optimizer == kind]
            if groups:
                self._parts[kind] = _build(kind, groups, config)
                self._names[kind] = [name for group in groups for name in group.named]

    def set_rates(self, step: int, steps: int) -> dict[str, float]:
        """Set every rate for `step` (from 0) of `steps`.

        Returns what is told of them: `lr_GROUP` is AdamW's and `lr_muon_GROUP` Muon's; `lr` is
        the language model's, or that of the first part that is trained.
        """
        told: dict[str, float] = {}
        for kind, part in self._parts.items():
            for group in part.param_groups:
                group["lr"] = group["peak"] * rate(self._config, step, steps, group["floor"])
                name = "lr_muon_" if kind == "muon" else "lr_"
                told[f"{name}{group['group']}"] = group["lr"]
        mine = [name for name in told if not name.startswith("lr_muon_")] or list(told)
        return {"lr": told.get("lr_llm", told[mine[0]]), **told}

    def single(self) -> torch.optim.Optimizer:
        """The only optimiser, for an engine that steps it itself."""
        (part,) = self._parts.values()
        return part

    def step(self) -> None:
        for part in self._parts.values():
            part.step()

    def zero_grad(self) -> None:
        for part in self._parts.values():
            part.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The state as `optimizer/parameter/what` -> tensor."""
        return {
            f"{kind}/{self._names[kind][index]}/{what}": torch.as_tensor(value).contiguous()
            for kind, part in self._parts.items()
            for index, state in part.state_dict()["state"].items()
            for what, value in state.items()
        }

    def load_tensors(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take back what `tensors` gave. Raises ConfigError as `states` does."""
        states = self.states(tensors)
        for kind, part in self._parts.items():
            numbered = {self._names[kind].index(n): state for n, state in states[kind].items()}
            part.load_state_dict({**part.state_dict(), "state": numbered})

    def states(
        self, tensors: Mapping[str, torch.Tensor]
    ) -> dict[str, dict[str, dict[str, torch.Tensor]]]:
        """What `tensors` gave by optimiser, weight and what it is, also of the form of older
        checkpoints, which number the weights. Raises ConfigError when the state is that of other
        weights."""
        known = {f"{kind}/{name}" for kind, names in self._names.items() for name in names}
        states: dict[str, dict[str, dict[str, torch.Tensor]]] = {k: {} for k in self._parts}
        numbered = self._numbered()
        for key, value in tensors.items():
            owner, _, what = key.rpartition("/")
            owner = numbered.get(owner, owner)
            if owner not in known:
                raise ConfigError(
                    f"the optimiser's state is of other weights ({owner}, for one)",
                    hint="Resume with the same `tuning` and `optim`, or start a new run.",
                )
            kind, _, name = owner.partition("/")
            states[kind].setdefault(name, {})[what] = value
        return states

    def _numbered(self) -> dict[str, str]:
        """The owner of each position in the form of older checkpoints: all weights that decay
        came before the others, whatever part of the model they were in."""
        out: dict[str, str] = {}
        for place, kind in enumerate(self._parts):
            groups = [group for group in self.groups if group.optimizer == kind]
            plain = {n for group in groups for n, p in group.named.items() if not decayed(n, p)}
            names = sorted(self._names[kind], key=lambda n: (n in plain, self._place[n]))
            out |= {f"{place}/{index}": f"{kind}/{name}" for index, name in enumerate(names)}
        return out


def _build(kind: str, groups: list[ParameterGroup], config: OptimConfig) -> torch.optim.Optimizer:
    settings = [group.settings() for group in groups]
    if kind == "muon":
        return Muon(settings, lr=config.muon_lr, momentum=config.momentum)
    devices = {p.device.type for group in groups for p in group.named.values()}
    fused = devices <= set(FUSED)
    return torch.optim.AdamW(
        settings,
        lr=config.lr,
        betas=config.betas,
        eps=config.eps,
        fused=fused,
        foreach=not fused,
    )


def is_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether Muon takes it: a two-dimensional weight that is no lookup table."""
    return parameter.ndim == 2 and not _is_table(name)


def decayed(name: str, parameter: nn.Parameter) -> bool:
    """Whether it decays: weights of two and more dimensions that are no lookup table."""
    return parameter.ndim >= 2 and not _is_table(name)


def _is_table(name: str) -> bool:
    return group_of(name) == "offset" or any(part in name for part in _TABLES)


def gradient_norm(parameters: Iterable[nn.Parameter], clip: float | None) -> float:
    """The joint norm of the gradients, which are then clipped to `clip` unless it is None."""
    largest = math.inf if clip is None else clip
    return float(torch.nn.utils.clip_grad_norm_(list(parameters), largest))
