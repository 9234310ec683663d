"""From what a config says of parts and layers to names of parameters and modules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from torch import nn
from transformers import Qwen3VLForConditionalGeneration

from mlcore.errors import ConfigError
from mlcore.models.groups import group_of
from mlcore.train.config.tuning import ALL_LINEAR, AdapterTuning, Freezing

HEAD = "lm_head"
EMBEDDINGS = "model.language_model.embed_tokens"
_STACKS = {
    "llm": re.compile(r"model\.language_model\.layers\.(\d+)(?:\.|$)"),
    "vit": re.compile(r"model\.visual\.blocks\.(\d+)(?:\.|$)"),
}
Model: TypeAlias = Qwen3VLForConditionalGeneration


def learns(model: Model, tuning: Freezing, names: Iterable[str]) -> list[str]:
    """Those names of parameters or modules that lie in parts and layers that are not frozen.

    Raises ConfigError when a layer is named that the model does not have.
    """
    layers = _layers(model, tuning)
    return [name for name in names if _open(name, tuning, layers)]


def targets(model: Model, tuning: AdapterTuning) -> list[str]:
    """Names of the linear layers that get an adapter, in the model's order.

    Copies in `modules_to_save` need none. Raises ConfigError naming the key: a target that is no
    linear layer or that nothing answers to, one in a frozen part, a head that is tied.
    """
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    copied = copies(model, tuning)
    if tuning.target_regex is not None:
        found = _by_regex(tuning.target_regex, linear, tuning)
    else:
        found = _by_ends(model, tuning, linear)
    found = [name for name in found if not any(_within(name, copy) for copy in copied)]
    if HEAD in found and model.config.tie_word_embeddings:
        raise ConfigError(
            "lm_head shares its weight with the embeddings, so it cannot have an adapter alone",
            hint="Leave it out; coord_offset trains the coordinate rows of both.",
            where="tuning.target_modules",
        )
    if not found and not copied:
        raise ConfigError("nothing would learn: no module is left to adapt", where="tuning")
    return found


def copies(model: Model, tuning: AdapterTuning) -> list[str]:
    """Names of the modules of which a whole copy learns; a list of modules becomes its items.

    Raises ConfigError when nothing answers to a name, or one copy would lie inside another.
    """
    modules = dict(model.named_modules())
    found: dict[str, None] = {}
    for wanted in tuning.modules_to_save:
        names = [name for name in modules if _ends(name, wanted)]
        if not names:
            raise ConfigError(
                f"no module of the model is called {wanted!r}",
                hint="Names are those of the checkpoint, as `merger` or `deepstack_merger_list`.",
                where="tuning.modules_to_save",
            )
        for name in names:
            module = modules[name]
            items = range(len(module)) if isinstance(module, nn.ModuleList) else ()
            found |= dict.fromkeys([f"{name}.{i}" for i in items] or [name])
    for inner in found:
        for outer in found:
            if inner != outer and _within(inner, outer):
                raise ConfigError(
                    f"{inner} lies inside {outer}, which is saved whole",
                    where="tuning.modules_to_save",
                )
    return list(found)


def _by_regex(expression: str, linear: list[str], tuning: AdapterTuning) -> list[str]:
    where = "tuning.target_regex"
    try:
        pattern = re.compile(expression)
    except re.error as error:
        raise ConfigError(f"the expression is wrong: {error}", where=where) from error
    found = [name for name in linear if pattern.fullmatch(name)]
    if not found:
        raise ConfigError(
            "the expression matches no linear layer of the model",
            hint=f"It must match whole names, as {linear[0]}.",
            where=where,
        )
    for name in found:
        if group_of(name) in tuning.frozen:
            raise ConfigError(
                f"the expression matches {name}, but tuning freezes {group_of(name)}",
                hint=f"Set freeze_{group_of(name)}: false, or narrow the expression.",
                where=where,
            )
    return found


def _by_ends(model: Model, tuning: AdapterTuning, linear: list[str]) -> list[str]:
    where = "tuning.target_modules"
    usable = learns(model, tuning, linear)
    found: dict[str, None] = {}
    for wanted in tuning.target_modules:
        if wanted == ALL_LINEAR:
            found |= dict.fromkeys(name for name in usable if name != HEAD)
            continue
        chosen = [name for name in usable if _ends(name, wanted)]
        if not chosen:
            raise ConfigError(_why_nothing(model, wanted, linear), where=where)
        found |= dict.fromkeys(chosen)
    return [name for name in linear if name in found]


def _why_nothing(model: Model, wanted: str, linear: list[str]) -> str:
    if any(_ends(name, wanted) for name in linear):
        return f"{wanted!r} is only in parts or layers that the config freezes"
    if any(_ends(name, wanted) for name, _ in model.named_modules()):
        return f"{wanted!r} is no linear layer, and only those are adapted"
    return f"no module of the model is called {wanted!r}"


def _layers(model: Model, tuning: Freezing) -> Mapping[str, frozenset[int]]:
    """The layers that learn, by part, where only some do."""
    counts = {
        "llm": model.config.text_config.num_hidden_layers,
        "vit": model.config.vision_config.depth,
    }
    out = {}
    for part, chosen in (("llm", tuning.llm_layers), ("vit", tuning.vit_layers)):
        if chosen is not None:
            try:
                out[part] = chosen.of(counts[part])
            except ValueError as error:
                raise ConfigError(str(error), where=f"tuning.{part}_layers") from error
    return out


def _open(name: str, tuning: Freezing, layers: Mapping[str, frozenset[int]]) -> bool:
    group = group_of(name)
    if group in tuning.frozen:
        return False
    if group not in layers:
        return True
    found = _STACKS[group].match(name)
    return found is not None and int(found[1]) in layers[group]


def _ends(name: str, wanted: str) -> bool:
    return name == wanted or name.endswith(f".{wanted}")


def _within(name: str, outer: str) -> bool:
    return name == outer or name.startswith(f"{outer}.")
