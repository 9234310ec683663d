"""Adapters on disk, in peft's own layout, with the checkpoint that they were made for by digest.

adapter_model.safetensors  adapter_config.json  adapter_base.json
"""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftConfig, PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from peft.tuners.boft import layer as boft_layer
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from mlcore.errors import DataError
from mlcore.models.load import load_model, refuse_pickles
from mlcore.run.folder import write_json
from mlcore.run.hashing import tree_digest, tree_entries
from mlcore.tuning.names import ADAPTER, BASE, SETTINGS, WEIGHTS
from mlcore.tuning.targets import Model

SCHEMA = "adapter/1"
UNPROVEN = "base_unproven"
UNPROVEN_WORDS = "the adapter names no checkpoint; only names and shapes were compared"
_SHOWN = 3
"""names that an error lists"""

# peft would compile a CUDA extension inside the run. It serves butterfly factors above 1 only,
# which are not offered.
vars(boft_layer)["_FBD_CUDA"] = False


@dataclass(frozen=True)
class Adapted:
    """A checkpoint with an adapter. `proven` says that the adapter names this very checkpoint."""

    model: Model
    peft: PeftModel
    base_digest: str
    proven: bool


def inject(model: Model, config: PeftConfig) -> PeftModel:
    """Put adapters of a config into a model, in place; their weights are fresh."""
    with _known_warnings_hidden():
        return PeftModel(model, config, ADAPTER)


@contextmanager
def _known_warnings_hidden() -> Iterator[None]:
    """Keep out of logs what peft says although nothing is wrong: it asks the model a question by
    a name that transformers has since changed, and takes ranks that AdaLoRA cut for a mistake."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated")
        warnings.filterwarnings("ignore", message="The following rank_pattern keys did not match")
        warnings.filterwarnings("ignore", message=r"Adapter 'default': \d+ LoRA tensor")
        yield


def save_adapter(
    peft: PeftModel, base: Path, folder: Path, state: Mapping[str, torch.Tensor] | None = None
) -> None:
    """Write the adapter that was trained on the checkpoint folder `base`.

    `state` is the whole state of the adapted model, by its own names, where an engine keeps the
    weights in parts; else it is read from the model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    whole = None if state is None else {f"base_model.model.{n}": t for n, t in state.items()}
    with _known_warnings_hidden():
        weights = get_peft_model_state_dict(
            peft, state_dict=whole, adapter_name=ADAPTER, save_embedding_layers=False
        )
    # Copies of tied embeddings and head are one tensor here and two in a file, as peft has it.
    weights = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in weights.items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    config = copy.deepcopy(peft.peft_config[ADAPTER])
    # peft keeps names in a set, whose order differs from process to process.
    named = {name: value for name, value in config.to_dict().items() if isinstance(value, set)}
    for name, value in named.items():
        setattr(config, name, sorted(value))
    config.inference_mode = True
    config.base_model_name_or_path = str(base)
    kind = type(peft.base_model.model)
    config.save_pretrained(
        str(folder),
        auto_mapping_dict={"base_model_class": kind.__name__, "parent_library": kind.__module__},
    )
    write_json(folder / BASE, {"schema": SCHEMA, "base_digest": digest(base), "base": base.name})


def digest(folder: Path) -> str:
    """The digest of a checkpoint folder, the one by which runs and the console know it."""
    return tree_digest(tree_entries(folder))


def load_adapted(base: Path, adapter: Path, dtype: torch.dtype = torch.float32) -> Adapted:
    """A checkpoint with an adapter put into it, in evaluation mode on the CPU.

    Raises DataError where the adapter was made for another checkpoint or for other modules, or
    cannot be read. An adapter of another program names no digest: then names and shapes are all
    that is compared, and `proven` is false.
    """
    settings = read_settings(adapter)
    found = digest(base)
    told = base_digest_of(adapter)
    if told is not None and told != found:
        raise DataError(
            f"the adapter was made for another checkpoint ({told[:12]}, this is {found[:12]})",
            hint="Give the checkpoint that its run started from.",
            where=str(adapter),
        )
    model = load_model(base, dtype)
    try:
        peft = inject(model, settings)
    except (ValueError, TypeError, KeyError) as error:
        raise _other_modules(adapter, str(error)) from error
    load_weights(peft, adapter)
    model.requires_grad_(requires_grad=False)
    model.train(mode=False)
    return Adapted(model, peft, found, proven=told is not None)


def read_settings(adapter: Path) -> PeftConfig:
    """The peft config of an adapter folder. Raises DataError when it is none, or holds pickles."""
    for name in (SETTINGS, WEIGHTS):
        if not (adapter / name).is_file():
            raise DataError(f"not an adapter folder: {name} is missing", where=str(adapter))
    refuse_pickles(adapter)
    try:
        config: PeftConfig = PeftConfig.from_pretrained(str(adapter))
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{SETTINGS} cannot be used: {error}", where=str(adapter / SETTINGS)
        ) from error
    return config


def base_of(adapter: Path) -> Path:
    """The checkpoint folder that an adapter names. Raises DataError where it is not there."""
    named = read_settings(adapter).base_model_name_or_path
    folder = Path(named or "")
    if not named or not (folder / "config.json").is_file():
        raise DataError(
            f"the adapter's base {named or '(none)'} is not on this machine",
            hint="Give the checkpoint that the adapter was made for.",
            where=str(adapter),
        )
    return folder


def base_digest_of(adapter: Path) -> str | None:
    """The digest of the checkpoint that an adapter was made for; None where it names none."""
    path = adapter / BASE
    if not path.is_file():
        return None
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return str(stored["base_digest"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{BASE} cannot be read: {error}", where=str(path)) from error


def load_weights(peft: PeftModel, adapter: Path) -> None:
    """Read an adapter's weights into the fresh ones of a model.

    Raises DataError unless every weight has its place and every place its weight.
    """
    try:
        weights = load_file(adapter / WEIGHTS)
        result: Any = set_peft_model_state_dict(peft, weights, adapter_name=ADAPTER)
    except (SafetensorError, RuntimeError, KeyError) as error:
        raise _other_modules(adapter, str(error)) from error
    with _known_warnings_hidden():
        ours = set(get_peft_model_state_dict(peft, save_embedding_layers=False))
    spare = sorted({*result.unexpected_keys, *(set(weights) - ours)})
    lacking = sorted(ours - set(weights))
    for names, what in ((spare, "no place in this model"), (lacking, "no weights in the file")):
        if names:
            raise _other_modules(
                adapter, f"{len(names)} of its parts have {what}: {', '.join(names[:_SHOWN])}"
            )


def _other_modules(adapter: Path, reason: str) -> DataError:
    return DataError(
        f"the adapter does not fit the checkpoint: {reason.splitlines()[0]}",
        hint="It was made for other modules or other sizes; give the checkpoint of its run.",
        where=str(adapter),
    )
