"""From our words for adapters to those of the peft library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from peft import AdaLoraConfig, BOFTConfig, FourierFTConfig, LoraConfig, PeftConfig
from peft.utils.constants import DUMMY_TARGET_MODULES
from torch import nn

from mlcore.errors import ConfigError
from mlcore.train.config.tuning import (
    AdaLoraTuning,
    Adapters,
    AdapterTuning,
    BoftTuning,
    FourierTuning,
    LoraTuning,
    LowRank,
)
from mlcore.tuning.targets import EMBEDDINGS, HEAD, Model, copies, targets

_TABLES = (EMBEDDINGS, HEAD)
_OURS = {
    "lora": "lora_only", "adalora": "lora_only", "boft": "boft_only", "fourierft": "fourier_only",
}  # fmt: skip
"""peft's words for the biases of adapted modules"""


def peft_config(
    model: Model, tuning: Adapters, coord_ids: Sequence[int], steps: int, seed: int
) -> PeftConfig:
    """What peft is told for a run of `steps` steps.

    Names of modules are whole, so nothing else of the model can match by accident. Raises
    ConfigError for what this model cannot have.
    """
    chosen = targets(model, tuning)
    saved = copies(model, tuning)
    _check_tables(model, tuning, saved)
    bias = {"none": "none", "all": "all", "adapted": _OURS[tuning.type]}[tuning.bias]
    # An empty list is an error to peft; this word of its own means copies without adapters.
    shared: dict[str, Any] = {
        "target_modules": chosen or DUMMY_TARGET_MODULES,
        "modules_to_save": saved or None,
        "bias": bias,
    }
    if isinstance(tuning, LowRank):
        shared |= _low_rank(model, tuning, coord_ids, tied_copy=any(t in saved for t in _TABLES))
    match tuning:
        case LoraTuning():
            return LoraConfig(
                r=tuning.rank, use_dora=tuning.dora, use_rslora=tuning.rslora, **shared
            )
        case AdaLoraTuning():
            return _adalora(tuning, steps, shared)
        case BoftTuning():
            _check_blocks(model, tuning, chosen)
            return BOFTConfig(
                boft_block_size=tuning.block_size,
                boft_n_butterfly_factor=1,
                boft_dropout=tuning.dropout,
                **shared,
            )
        case FourierTuning():
            _check_frequencies(model, tuning, chosen)
            return FourierFTConfig(
                n_frequency=tuning.frequencies,
                scaling=tuning.scaling,
                random_loc_seed=seed,
                **shared,
            )


def _low_rank(
    model: Model, tuning: LowRank, coord_ids: Sequence[int], *, tied_copy: bool
) -> dict[str, Any]:
    out: dict[str, Any] = {"lora_alpha": tuning.alpha, "lora_dropout": tuning.dropout}
    tied = bool(model.config.tie_word_embeddings)
    if tuning.coord_offset:
        tables = _TABLES[:1] if tied else _TABLES
        out["trainable_token_indices"] = {name: list(coord_ids) for name in tables}
    if tied and tied_copy:
        out["ensure_weight_tying"] = True
    return out


def _adalora(tuning: AdaLoraTuning, steps: int, shared: dict[str, Any]) -> PeftConfig:
    try:
        warm, settle = tuning.schedule(steps)
    except ValueError as error:
        raise ConfigError(
            str(error), hint="Train longer, or lower warmup and settle.", where="tuning"
        ) from error
    return AdaLoraConfig(
        init_r=tuning.rank,
        target_r=tuning.target_rank,
        tinit=warm,
        tfinal=settle,
        deltaT=tuning.every_steps,
        orth_reg_weight=tuning.orthogonality,
        total_step=steps,
        **shared,
    )


def _check_tables(model: Model, tuning: AdapterTuning, saved: Sequence[str]) -> None:
    """Whole copies of embeddings or head: once, together where they are tied."""
    wanted = [name for name in _TABLES if name in saved]
    where = "tuning.modules_to_save"
    if not wanted:
        return
    if isinstance(tuning, LowRank) and tuning.coord_offset:
        raise ConfigError(
            f"{wanted[0]} is copied whole, so coord_offset has nothing to add", where=where
        )
    if model.config.tie_word_embeddings and (
        wanted != [EMBEDDINGS] or not isinstance(tuning, LoraTuning)
    ):
        raise ConfigError(
            "embeddings and head are one weight in this model; a copy of it must stay one",
            hint="Only `type: lora` can: name embed_tokens alone. Or use coord_offset.",
            where=where,
        )


def _check_blocks(model: Model, tuning: BoftTuning, chosen: Sequence[str]) -> None:
    for name in chosen:
        width = _linear(model, name).in_features
        if width % tuning.block_size:
            raise ConfigError(
                f"{name} has {width} inputs, not a multiple of {tuning.block_size}",
                where="tuning.block_size",
            )


def _check_frequencies(model: Model, tuning: FourierTuning, chosen: Sequence[str]) -> None:
    for name in chosen:
        linear = _linear(model, name)
        most = linear.in_features * linear.out_features
        if tuning.frequencies > most:
            raise ConfigError(
                f"{name} has {most} weights, fewer than {tuning.frequencies} frequencies",
                where="tuning.frequencies",
            )


def _linear(model: Model, name: str) -> nn.Linear:
    module = model.get_submodule(name)
    assert isinstance(module, nn.Linear)
    return module
