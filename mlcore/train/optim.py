"""Optimisers: AdamW for all, or Muon for the matrices with AdamW for the rest."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from mlcore.train.config import OptimConfig
from mlcore.train.muon import Muon

_NOT_MATRICES = ("embed_tokens", "lm_head", "pos_embed")
Named = list[tuple[str, nn.Parameter]]


class Optimizers:
    """One or two optimisers stepped together. State is plain tensors, saved by position."""

    def __init__(self, model: nn.Module, config: OptimConfig) -> None:
        self._parts: list[torch.optim.Optimizer] = []
        self._peaks: list[float] = []
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        matrices = [(n, p) for n, p in named if config.optimizer == "muon" and is_matrix(n, p)]
        if matrices:
            muon = Muon(
                [p for _, p in matrices], lr=config.muon_lr, weight_decay=config.weight_decay
            )
            self._add(muon, config.muon_lr)
        taken = {name for name, _ in matrices}
        rest = [(n, p) for n, p in named if n not in taken]
        groups = _decay_groups(rest, config.weight_decay)
        self._add(torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.95)), config.lr)

    def _add(self, part: torch.optim.Optimizer, peak: float) -> None:
        self._parts.append(part)
        self._peaks.append(peak)

    def set_rate(self, share: float) -> float:
        """Set every rate to `share` of its peak. Returns AdamW's rate."""
        for part, peak in zip(self._parts, self._peaks, strict=True):
            for group in part.param_groups:
                group["lr"] = peak * share
        return self._peaks[-1] * share

    def step(self) -> None:
        for part in self._parts:
            part.step()

    def zero_grad(self) -> None:
        for part in self._parts:
            part.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The state as `part/parameter/name` -> tensor."""
        return {
            f"{i}/{index}/{name}": torch.as_tensor(value).contiguous()
            for i, part in enumerate(self._parts)
            for index, state in part.state_dict()["state"].items()
            for name, value in state.items()
        }

    def load_tensors(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take back what `tensors` gave. The parameters must be the same in the same order."""
        for i, part in enumerate(self._parts):
            state: dict[int, dict[str, torch.Tensor]] = {}
            for key, value in tensors.items():
                owner, index, name = key.split("/")
                if int(owner) == i:
                    state.setdefault(int(index), {})[name] = value
            part.load_state_dict({**part.state_dict(), "state": state})


def is_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether Muon takes it: a two-dimensional weight that is no lookup table."""
    return parameter.ndim == 2 and not any(part in name for part in _NOT_MATRICES)


def _decay_groups(named: Named, decay: float) -> list[dict[str, object]]:
    decayed = [p for n, p in named if p.ndim >= 2 and not _is_table(n)]
    plain = [p for n, p in named if p.ndim < 2 or _is_table(n)]
    groups = [(decayed, decay), (plain, 0.0)]
    return [{"params": params, "weight_decay": value} for params, value in groups if params]


def _is_table(name: str) -> bool:
    return any(part in name for part in _NOT_MATRICES)


def gradient_norm(parameters: Iterable[nn.Parameter], clip: float) -> float:
    """Clip the gradients to a joint norm of `clip` and return the norm before."""
    return float(torch.nn.utils.clip_grad_norm_(list(parameters), clip))
