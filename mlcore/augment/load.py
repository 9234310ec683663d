"""Reading an augmentation from a YAML file: on its own, or as a part of a training config."""

from __future__ import annotations

from pathlib import Path

from mlcore.augment.config import AugmentConfig
from mlcore.config.base import StrictModel
from mlcore.config.compose import Composed, Source, compose, open_beside, open_recipe_only
from mlcore.config.load import validated
from mlcore.errors import ConfigError, Problem


class _Data(StrictModel):
    augmentation: AugmentConfig


class _Part(StrictModel):
    data: _Data


def load_augmentation(name: str) -> AugmentConfig:
    """The augmentation in a file, or in a shipped recipe (`recipe:parts/...`).

    The file is an augmentation itself (`ops: ...`), or holds one at `data.augmentation`, as a
    training config does; of that nothing else is read. Raises ConfigError with every problem.
    """
    try:
        source = open_beside(name, str(Path.cwd() / "here"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        problem = Problem(name, 1, 1, "(file)", f"cannot be read: {reason}")
        raise ConfigError(str(problem), problems=[problem]) from error
    return _augmentation(compose(source, open_beside))


def read_augmentation(text: str, filename: str = "augmentation.yaml") -> AugmentConfig:
    """The augmentation in a text from the console, of the same two forms."""
    composed = compose(Source(filename, text), open_recipe_only)
    if not composed.data:
        problems = composed.problems or [Problem(filename, 1, 1, "(yaml)", "is empty")]
        raise ConfigError(str(problems[0]), problems=problems)
    return _augmentation(composed)


def _augmentation(composed: Composed) -> AugmentConfig:
    if "data" not in composed.data:
        return validated(composed, AugmentConfig)
    data = composed.data["data"]
    inner = data.get("augmentation") if isinstance(data, dict) else None
    if inner is None:
        at = composed.positions[("data",)]
        problem = Problem(at.file, at.line, at.column, "data", "holds no augmentation")
        raise ConfigError(str(problem), problems=[problem])
    composed.data = {"data": {"augmentation": inner}}
    return validated(composed, _Part).data.augmentation
