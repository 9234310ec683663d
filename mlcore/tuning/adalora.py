"""What AdaLoRA does between steps: a term on its directions, and ranks that fall.

Zhang et al., Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning, 2023. Every rank has
the same gradients, so every rank cuts the same directions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import torch
from peft import AdaLoraModel, PeftModel

from mlcore.errors import ConfigError
from mlcore.tuning.names import ADAPTER

_MEANS = ("exp_avg_ipt", "exp_avg_unc")
_PATTERN = "rank_pattern"


class RankCuts:
    """Holds the importance of every direction, which a resume needs as much as the weights."""

    def __init__(self, peft: PeftModel) -> None:
        assert isinstance(peft.base_model, AdaLoraModel)
        self._tuner = peft.base_model
        self._config = peft.peft_config[ADAPTER]
        named = dict(self._tuner.model.named_parameters())
        self._learning = {n: p for n, p in named.items() if "lora_" in n and p.requires_grad}

    def before_step(self) -> None:
        """Add the gradient of the term that keeps directions orthogonal, once per step.

        weight / n * sum over A and B of the Frobenius norm of P P^T - I. It depends on weights
        only, so it is the same on every rank and is added after gradients have been shared.
        """
        sides = [(n, p) for n, p in self._learning.items() if "lora_A" in n or "lora_B" in n]
        weight = self._config.orth_reg_weight
        for name, parameter in sides if weight else ():
            with torch.enable_grad():
                side = parameter if "lora_A" in name else parameter.T
                eye = torch.eye(len(side), dtype=side.dtype, device=side.device)
                term = torch.linalg.matrix_norm(side @ side.T - eye) * (weight / len(sides))
            (grad,) = torch.autograd.grad(term, parameter)
            parameter.grad = grad if parameter.grad is None else parameter.grad + grad

    def after_step(self, done: int) -> None:
        """Weigh every direction by the gradients of step `done` and cut what the schedule says."""
        for parameter in self._learning.values():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        allocate: Callable[[int], None] = self._tuner.update_and_allocate
        allocate(done)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The state for a checkpoint."""
        allocator = self._tuner.rankallocator
        out = {
            f"{kind}/{name}": value.contiguous()
            for kind in _MEANS
            for name, value in vars(allocator)[kind].items()
        }
        text = json.dumps(self._config.rank_pattern).encode()
        return out | {_PATTERN: torch.tensor(list(text), dtype=torch.uint8)}

    def load_tensors(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take back what `tensors` gave. Raises ConfigError for another adapter's state."""
        if _PATTERN not in tensors:
            raise ConfigError(
                "the checkpoint has no ranks of AdaLoRA", hint="Resume with the same config."
            )
        allocator = self._tuner.rankallocator
        forget: Callable[[], None] = allocator.reset_ipt
        forget()
        for key, value in tensors.items():
            kind, _, name = key.partition("/")
            if kind in _MEANS:
                device = self._learning[name].device
                vars(allocator)[kind][name] = value.to(device)
                allocator.ipt[name] = torch.zeros_like(value, device=device)
        self._config.rank_pattern = json.loads(bytes(tensors[_PATTERN].tolist()))
