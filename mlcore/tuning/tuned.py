"""A model whose right weights learn, and what belongs to it: its adapter, its state, its saving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftConfig, PeftModel

from mlcore.errors import ConfigError
from mlcore.train.config.tuning import AdaLoraTuning, AdapterTuning, FullTuning, Tuning
from mlcore.tuning.adalora import RankCuts
from mlcore.tuning.names import ADAPTER
from mlcore.tuning.peft_config import peft_config
from mlcore.tuning.stored import inject, load_weights, read_settings, save_adapter
from mlcore.tuning.targets import Model, learns

_MUST_AGREE = (
    "peft_type", "r", "lora_alpha", "use_dora", "use_rslora", "bias", "boft_block_size",
    "n_frequency", "scaling", "random_loc_seed", "target_modules", "modules_to_save",
    "trainable_token_indices",
)  # fmt: skip
"""settings of peft without which weights do not mean the same"""


@dataclass(frozen=True)
class Tuned:
    """A model as `tune` made it. `peft` is None where the weights themselves learn."""

    model: Model
    peft: PeftModel | None = None
    cuts: RankCuts | None = None

    def before_step(self) -> None:
        """Called once a step with complete gradients, before they are clipped."""
        if self.cuts:
            self.cuts.before_step()

    def after_step(self, done: int) -> None:
        """Called after the update of step `done`, counted from 1, while gradients are there."""
        if self.cuts:
            self.cuts.after_step(done)

    def tensors(self) -> dict[str, torch.Tensor]:
        """What a checkpoint needs beside weights and optimiser."""
        return self.cuts.tensors() if self.cuts else {}

    def load_tensors(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take back what `tensors` gave."""
        if self.cuts:
            self.cuts.load_tensors(tensors)

    def save_adapter(
        self, base: Path, folder: Path, state: Mapping[str, torch.Tensor] | None = None
    ) -> None:
        """Write the adapter for the checkpoint folder `base`, as `stored.save_adapter` says."""
        assert self.peft is not None
        save_adapter(self.peft, base, folder, state)


def tune(model: Model, tuning: Tuning, coord_ids: Sequence[int], *, steps: int, seed: int) -> Tuned:
    """Let those weights learn that `tuning` names, in place. New adapters are drawn from torch's
    random state.

    `coord_ids` are the token of each bin; only a coordinate offset reads them. Raises ConfigError
    for what the model does not have or cannot do.
    """
    if isinstance(tuning, FullTuning):
        chosen = set(learns(model, tuning, [name for name, _ in model.named_parameters()]))
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(requires_grad=name in chosen)
        return Tuned(model)
    peft = inject(model, peft_config(model, tuning, coord_ids, steps, seed))
    if tuning.bias == "all":
        _keep_frozen_biases(model, tuning)
    return Tuned(model, peft, RankCuts(peft) if isinstance(tuning, AdaLoraTuning) else None)


def go_on(tuned: Tuned, adapter: Path) -> None:
    """Give the fresh adapter of a model the weights of an earlier stage's.

    Raises ConfigError when the config describes other adapters than those in the folder.
    """
    if tuned.peft is None or tuned.cuts:
        raise ConfigError(
            "only adapters with a fixed shape can go on learning",
            hint="Write `adapter_then: merge` to put the adapter into the weights first.",
            where="model.adapter_then",
        )
    ours, theirs = tuned.peft.peft_config[ADAPTER], read_settings(adapter)
    for name in _MUST_AGREE:
        now, was = (_comparable(config, name) for config in (ours, theirs))
        if now != was:
            told = "" if isinstance(now, list) or isinstance(was, list) else f": {was}, now {now}"
            raise ConfigError(
                f"the adapter was trained with another {name} than `tuning` describes{told}",
                hint="Describe the same adapter, or write `adapter_then: merge`.",
                where="tuning",
            )
    load_weights(tuned.peft, adapter)


def _comparable(config: PeftConfig, name: str) -> object:
    value = vars(config).get(name)
    if isinstance(value, set | list | tuple):
        return sorted(value)
    return value


def _keep_frozen_biases(model: Model, tuning: AdapterTuning) -> None:
    """peft frees every bias of the model; those of frozen parts and layers stay as they are."""
    plain = {name: name.replace(".base_layer", "") for name, _ in model.named_parameters()}
    free = set(learns(model, tuning, plain.values()))
    for name, parameter in model.named_parameters():
        if name.endswith(".bias") and "modules_to_save" not in name and plain[name] not in free:
            parameter.requires_grad_(requires_grad=False)
