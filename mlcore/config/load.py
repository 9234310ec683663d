"""Load a config: compose, override, validate; every problem at once.

`load_config` reads a file, `load_text` a text from the console. Both raise ConfigError whose
`problems` name file:line:col and dotted path. What they return is complete: the frozen model,
the resolved plain data, every source and where each value came from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mlcore.config.base import JobConfig
from mlcore.config.compose import (
    Composed,
    Opener,
    Source,
    compose,
    open_beside,
    open_recipe_only,
)
from mlcore.config.explain import explain
from mlcore.config.overrides import apply_inputs, apply_overrides
from mlcore.config.yaml_tree import dotted
from mlcore.errors import ConfigError, Problem
from mlcore.kinds import KINDS, config_model, near_kind

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class LoadedConfig:
    """A valid config and how it came to be.

    `resolved` is plain JSON data including defaults; `sha256` is over its canonical JSON;
    `provenance` maps dotted paths to `file:line`, `--set`, `input` or `default`.
    """

    model: JobConfig
    resolved: dict[str, Any]
    sources: list[Source]
    provenance: dict[str, str]
    sha256: str

    @property
    def kind(self) -> str:
        return self.model.kind


def load_config(path: FilePath, overrides: Sequence[str] = ()) -> LoadedConfig:
    """Load a config file with its `extends` chain. `overrides` are `a.b=c` for runtime keys."""
    try:
        source = Source(str(path), path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = Problem(str(path), 1, 1, "(file)", f"cannot be read: {error.strerror}")
        raise ConfigError(str(problem), problems=[problem]) from error
    except UnicodeDecodeError as error:
        problem = Problem(str(path), 1, 1, "(file)", f"is not UTF-8 text at byte {error.start}")
        raise ConfigError(str(problem), problems=[problem]) from error
    return _load(source, open_beside, overrides, {})


def load_text(
    text: str,
    filename: str = "config.yaml",
    *,
    opener: Opener = open_recipe_only,
    overrides: Sequence[str] = (),
    inputs: Mapping[str, str] | None = None,
) -> LoadedConfig:
    """Load a config from memory. `inputs` puts references at dotted paths of input fields."""
    return _load(Source(filename, text), opener, overrides, inputs or {})


def load_model(path: FilePath, model: type[Model]) -> Model:
    """Load any strict YAML file (a policy, say) as one model, with `extends` and all problems."""
    composed = compose(Source(str(path), path.read_text(encoding="utf-8")), open_beside)
    return validated(composed, model)


def read_model(text: str, model: type[Model], filename: str = "config.yaml") -> Model:
    """Check a text from the console as one model that is a part of configs, a mixture say."""
    composed = compose(Source(filename, text), open_recipe_only)
    if not composed.data:
        raise _error(composed.problems or [Problem(filename, 1, 1, "(yaml)", "is empty")])
    return validated(composed, model)


def _load(
    source: Source, opener: Opener, overrides: Sequence[str], inputs: Mapping[str, str]
) -> LoadedConfig:
    composed = compose(source, opener)
    if not composed.data:
        raise _error(composed.problems or [Problem(source.path, 1, 1, "(yaml)", "is empty")])
    model_type = _model_type(composed, source)
    composed.problems += apply_inputs(composed, model_type, inputs)
    composed.problems += apply_overrides(composed, model_type, overrides)
    model = validated(composed, model_type)
    assert isinstance(model, JobConfig)
    resolved = model.model_dump(mode="json")
    text = json.dumps(resolved, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return LoadedConfig(
        model=model,
        resolved=resolved,
        sources=composed.sources,
        provenance=_provenance(composed, resolved),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def _model_type(composed: Composed, source: Source) -> type[JobConfig]:
    kind = composed.data.get("kind")
    if isinstance(kind, str) and kind in KINDS:
        return config_model(kind)
    at = composed.positions.get(("kind",), composed.positions.get(()))
    file, line, column = (at.file, at.line, at.column) if at else (source.path, 1, 1)
    if kind is None:
        message = f"required key is missing; one of {', '.join(KINDS)}{_older(composed.data)}"
    else:
        message = f"{kind!r} is not a job kind{near_kind(str(kind))}"
    raise _error([*composed.problems, Problem(file, line, column, "kind", message)])


def _older(data: dict[str, Any]) -> str:
    """The end of a sentence about a text that has no kind, where it is of the older form."""
    retired = config_model("sft").removed_anywhere
    found = [key for key, value in data.items() if key in retired and isinstance(value, dict)]
    return f". {found[0]}: {retired[found[0]]}" if found else ""


def validated(composed: Composed, model: type[Model]) -> Model:
    """The model. Raises ConfigError with the problems of the text and of the values together."""
    try:
        valid = model.model_validate_json(json.dumps(composed.data), strict=True)
    except ValidationError as error:
        # A value that the text could not give is missing here; its problem is named already.
        named = {p.path for p in composed.problems if not p.message.startswith("duplicate key")}
        found = explain(error, model, composed.positions)
        raise _error(composed.problems + [p for p in found if p.path not in named]) from error
    if composed.problems:
        raise _error(composed.problems)
    return valid


def _error(problems: list[Problem]) -> ConfigError:
    count = len(problems)
    title = str(problems[0]) if count == 1 else f"{count} problems; the first: {problems[0]}"
    return ConfigError(
        title, problems=problems, hint="Every problem names its line; fix all of them."
    )


def _provenance(composed: Composed, resolved: dict[str, Any]) -> dict[str, str]:
    known = {dotted(path): str(position) for path, position in composed.positions.items() if path}
    return {path: known.get(path, "default") for path in _paths(resolved, "")}


def _paths(value: Any, prefix: str) -> list[str]:
    """Every value's dotted path. A list has one, and so has everything in its sections."""
    if isinstance(value, dict) and value:
        pairs = [(str(key), item) for key, item in value.items()]
        own = []
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        pairs = [(str(index), item) for index, item in enumerate(value)]
        own = [prefix]
    else:
        return [prefix]
    below = [p for key, item in pairs for p in _paths(item, f"{prefix}.{key}" if prefix else key)]
    return own + below
