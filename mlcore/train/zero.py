"""Several processes by DeepSpeed's ZeRO, stage 2 or 3. An optional package, imported here only.

ZeRO keeps float32 weights and the state of their optimiser as flat parts. Checkpoints do not: the
state is gathered weight by weight into the form that every engine has, without a pickle.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

import torch
from torch import nn

from mlcore.errors import ConfigError
from mlcore.train.config import SftConfig, Zero3Engine
from mlcore.train.config import ZeroEngine as ZeroConfig
from mlcore.train.engine import M, MakeOptimizers
from mlcore.train.group import RankGroup
from mlcore.train.optim import Optimizers
from mlcore.train.sharding import Husk

PACKAGE = "deepspeed"
NEVER = 1 << 62
KIND = "adamw"
MOMENTS = ("exp_avg", "exp_avg_sq")
STEP = "step"


def require_deepspeed(config: SftConfig) -> None:
    """Raise ConfigError when the engine of a config needs DeepSpeed and it is not installed."""
    if isinstance(config.engine, ZeroConfig) and importlib.util.find_spec(PACKAGE) is None:
        raise ConfigError(
            f"engine {config.engine.type} needs the package {PACKAGE}, which is not installed",
            hint="Install it with: DS_BUILD_OPS=0 pip install -r requirements-deepspeed.txt, or "
            "write engine.type: fsdp, which needs nothing more.",
            where="engine.type",
        )


class ZeroEngine(RankGroup):
    """The optimisers are stepped by DeepSpeed, which holds their parts. Ranks reduce gradients in
    the order in which they come, so every batch must reach the weights in one order."""

    def __init__(self, device: torch.device, config: SftConfig) -> None:
        require_deepspeed(config)
        assert isinstance(config.engine, ZeroConfig)
        if device.type == "cpu":
            os.environ.setdefault("DS_ACCELERATOR", "cpu")
        super().__init__(device)
        self._settings = settings(config, config.engine)
        self._cuts_weights = isinstance(config.engine, Zero3Engine)

    def spread(self, step: nn.Module, model: nn.Module, make: MakeOptimizers) -> Optimizers:
        self._deepspeed: Any = importlib.import_module(PACKAGE)
        self._fragments: Any = importlib.import_module("deepspeed.utils.tensor_fragment")
        if self._cuts_weights:
            self._husk = Husk(model)
        self._learned = {n: p for n, p in model.named_parameters() if p.requires_grad}
        optimizers = make()
        self._wrapped, *_ = self._deepspeed.initialize(
            model=step,
            optimizer=optimizers.single(),
            config=self._settings,
            dist_init_required=False,
        )
        self._zero: Any = self._wrapped.optimizer
        if self._cuts_weights:
            self._hold_head(step, model.get_submodule("lm_head"))
        return optimizers

    def _hold_head(self, step: nn.Module, head: nn.Module) -> None:
        """Gather the LM head with the step and not by itself: the loss takes the head's gradient
        while going forward, chunk by chunk, where ZeRO expects one backward pass, and ranks have
        different numbers of chunks."""
        offload = self._zero.parameter_offload
        ours = [
            hooks
            for module in head.modules()
            for hooks in (module._forward_hooks, module._forward_pre_hooks)
        ]
        for handle in [*offload.forward_hooks, *offload.backward_hooks]:
            if any(handle.hooks_dict_ref() is hooks for hooks in ours):
                handle.remove()
        for parameter in head.parameters():
            self._deepspeed.zero.register_external_parameter(step, parameter)

    @property
    def forward(self) -> nn.Module:
        return cast("nn.Module", self._wrapped)

    def accumulate(self, *, last: bool) -> AbstractContextManager[None]:
        return nullcontext()

    def backward(self, loss: torch.Tensor) -> None:
        # DeepSpeed averages over the ranks; the parts of the loss are to add up.
        self._wrapped.backward(loss * self.world)

    def update(self, optimizers: Optimizers, clip: float | None) -> float:
        self._zero.clip_grad = 0.0 if clip is None else clip
        self._wrapped.step()
        return float(self._zero._global_grad_norm)

    @contextmanager
    def whole(self, model: M) -> Iterator[M]:
        if not self._cuts_weights:
            yield model
            return
        named = dict(model.named_parameters())
        with self._deepspeed.zero.GatheredParameters(list(named.values())):
            weights = {name: p.detach().clone() for name, p in named.items()}
        with self._husk.filled(weights) as copy:
            yield cast("M", copy)

    def load_weights(self, model: nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
        rest = dict(weights)
        if self._cuts_weights:
            for name, parameter in self._learned.items():
                value = rest.pop(name)
                with self._deepspeed.zero.GatheredParameters([parameter], modifier_rank=0):
                    if self.rank == 0:
                        parameter.data.copy_(value)
        model.load_state_dict(rest, strict=False)
        self._zero.refresh_fp32_params()

    def optimizer_tensors(self, optimizers: Optimizers) -> dict[str, torch.Tensor]:
        self._link_state()
        step = next(iter(self._zero.optimizer.state.values()))[STEP]
        out: dict[str, torch.Tensor] = {}
        for name, parameter in self._learned.items():
            for what in MOMENTS:
                value = self._fragments.safe_get_full_optimizer_state(parameter, what)
                if self.rank == 0:
                    out[f"{KIND}/{name}/{what}"] = value.cpu()
            if self.rank == 0:
                out[f"{KIND}/{name}/{STEP}"] = torch.as_tensor(step).cpu().clone()
        return out

    def load_optimizer(self, optimizers: Optimizers, tensors: Mapping[str, torch.Tensor]) -> None:
        states = optimizers.states(tensors)[KIND]
        step = next(iter(states.values()))[STEP]
        inner = self._zero.optimizer
        for flat in self._flats():
            fused = inner.defaults["fused"]
            inner.state[flat] = {
                STEP: step.to(flat.device if fused else "cpu", copy=True),
                **{what: torch.zeros_like(flat) for what in MOMENTS},
            }
        self._link_state()
        for name, parameter in self._learned.items():
            for what in MOMENTS:
                value = states[name][what].to(self.device)
                self._fragments.safe_set_full_optimizer_state(parameter, value, what)

    def _flats(self) -> list[torch.Tensor]:
        """This rank's parts of all weights, as the optimiser sees them."""
        zero = self._zero
        flats: list[torch.Tensor] = (
            zero.fp32_partitioned_groups_flat
            if self._cuts_weights
            else zero.single_partition_of_fp32_groups
        )
        return flats

    def _link_state(self) -> None:
        """Let stage 2 find the state of every weight: by itself it looks once, after the first
        group of weights was stepped, when the others have none yet."""
        if not self._cuts_weights:
            self._zero._hp_optimizer_states_linked = False
            self._zero._lazy_init_hp_params_optimizer_state()


def settings(config: SftConfig, engine: ZeroConfig) -> dict[str, Any]:
    """What DeepSpeed is told."""
    zero: dict[str, Any] = {
        "stage": 2,
        "contiguous_gradients": True,
        "overlap_comm": False,
        "reduce_bucket_size": engine.bucket,
    }
    if isinstance(engine, Zero3Engine):
        zero |= {"stage": 3, "stage3_param_persistence_threshold": engine.keep_below}
    told: dict[str, Any] = {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        # A step ends a batch, however many micro-batches it had.
        "managed_gradient_accumulation": False,
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        "zero_optimization": zero,
        "steps_per_print": NEVER,
    }
    if config.dtype != config.master_dtype:
        # It forbids autocast from outside. No module is named, so gradients are summed in the
        # format that they have.
        told["torch_autocast"] = {
            "enabled": True,
            "dtype": config.dtype,
            "lower_precision_safe_modules": [],
        }
    return told
