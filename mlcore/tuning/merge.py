"""An adapter put into the weights of its checkpoint, and proven to answer the same."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from peft.utils import ModulesToSaveWrapper
from torch import nn
from transformers import Qwen3VLConfig

from mlcore.errors import ConfigError, DataError
from mlcore.models.load import load_model, save_checkpoint
from mlcore.models.processor import read_processor
from mlcore.tuning.canary import canary_logits, difference
from mlcore.tuning.names import ADAPTER
from mlcore.tuning.stored import Adapted, load_adapted
from mlcore.tuning.targets import Model

Format = Literal["base", "float32", "bfloat16", "float16"]
TOLERANCE = 1e-5
"""largest difference of logits, as a share of the largest one; float32 reaches 1e-6"""
_DTYPES = {
    "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16,
}  # fmt: skip


@dataclass(frozen=True)
class Merged:
    """What a merge measured, on `positions` places of two prompts, in float32.

    `difference` is between adapter and merged weights. `rounding` is what saving added: 0 in
    float32, and the price of a narrower format elsewhere. Both are shares of the largest logit.
    `proven` says that the adapter named this checkpoint by its digest.
    """

    difference: float
    rounding: float
    positions: int
    dtype: str
    base_digest: str
    proven: bool


def merge(
    base: Path,
    adapter: Path,
    folder: Path,
    *,
    dtype: Format = "base",
    tolerance: float = TOLERANCE,
) -> Merged:
    """Write the merged checkpoint to `folder`, which appears only when it is proven equal.

    Adapter and weights are added in float32 and compared there; then they are saved in `dtype`,
    read back and compared again. Raises ConfigError where `folder` exists, DataError where the
    adapter is not for this checkpoint or the merged one answers differently.
    """
    if folder.exists():
        raise ConfigError(f"{folder} exists", hint="Nothing is overwritten; give another folder.")
    adapted = load_adapted(base, adapter)
    base_digest, proven = adapted.base_digest, adapted.proven
    with_adapter = canary_logits(adapted.model, base)
    _lay_down_copies(adapted)
    try:
        merged: Model = adapted.peft.merge_and_unload(safe_merge=True)
    except ValueError as error:
        raise DataError(f"the adapter cannot be merged: {error}", where=str(adapter)) from error
    without = canary_logits(merged, base)
    found = difference(with_adapter, without)
    if not found <= tolerance:
        raise _differs(found, tolerance, adapter)
    saved = _dtype(base, dtype)
    nn.Module.to(merged, saved)
    unfinished = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        save_checkpoint(merged, read_processor(base), unfinished)
        del adapted, merged  # two models of this size may not fit
        rounding = difference(without, canary_logits(load_model(unfinished), base))
        if saved == torch.float32 and not rounding <= tolerance:
            raise _differs(rounding, tolerance, unfinished)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    name = str(saved).removeprefix("torch.")
    return Merged(found, rounding, len(without), name, base_digest, proven)


def _lay_down_copies(adapted: Adapted) -> None:
    """Put learned copies of modules in the places of their originals.

    peft does that itself, but for some kinds of adapters only with modules that are one weight.
    """
    for name, module in list(adapted.model.named_modules()):
        if isinstance(module, ModulesToSaveWrapper):
            copied = module.modules_to_save[ADAPTER]
            if "weight" not in dict(copied.named_parameters(recurse=False)):
                parent, _, child = name.rpartition(".")
                adapted.model.get_submodule(parent).register_module(child, copied)


def _dtype(base: Path, wanted: Format) -> torch.dtype:
    if wanted != "base":
        return _DTYPES[wanted]
    stored = Qwen3VLConfig.from_pretrained(base, local_files_only=True).dtype
    return stored if isinstance(stored, torch.dtype) else torch.float32


def _differs(found: float, tolerance: float, where: Path) -> DataError:
    return DataError(
        f"the merged model answers differently: {found:.2g} of the largest logit, "
        f"more than {tolerance:g}",
        hint="Keep the adapter. A tolerance can be given where float32 is too coarse for a model.",
        where=str(where),
    )
