"""What a job's entry point is given besides its config."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlcore.errors import CancelledError, ConfigError
from mlcore.run.events import EventWriter
from mlcore.run.folder import RunFolder
from mlcore.run.signals import StopSignal

BUILTIN = Path(__file__).resolve().parent.parent / "recipes" / "builtin"
NAMED_SCHEMES = ("dataset:", "model:", "guidance:", "records:", "run:", "upload:")
ROOTS_VARIABLE = "GATEHOUSE_ALLOWED_ROOTS"


@dataclass
class RunContext:
    """The seam between a job and its surroundings. An entry point is `run(config, ctx) -> report`.

    `bindings` maps named references to folders that the supervisor has fetched;
    `config_dir` is what relative paths in the config are relative to.
    """

    folder: RunFolder
    events: EventWriter
    stop: StopSignal
    attempt: int = 1
    resuming: bool = False
    config_dir: Path = field(default_factory=Path.cwd)
    bindings: Mapping[str, Path] = field(default_factory=dict)

    def resolve(self, ref: str) -> Path:
        """The folder or file that a reference of the config means on this host.

        Raises ConfigError when it cannot be resolved; `resolve_ref` says how it is.
        """
        return resolve_ref(ref, self.bindings, self.config_dir)

    def output(self, name: str) -> Path:
        """The folder of one declared output, made if missing."""
        path = self.folder.artifacts / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def check_stop(self) -> None:
        """Raise CancelledError at a safe point when a stop was asked for.

        For jobs without checkpoints. A job that can resume saves first and raises
        InterruptedRunError instead.
        """
        if self.stop.requested:
            raise CancelledError("stopped on request")


def resolve_ref(ref: str, bindings: Mapping[str, Path], config_dir: Path) -> Path:
    """The folder or file that a reference means on this host.

    `dataset:NAME@V`, `model:NAME@V`, `guidance:MISSION@V`, `records:MISSION@V`, `run:UID/OUTPUT`
    and `upload:NAME@DIGEST` must be bound;
    `builtin:NAME` ships with the library; anything else is a path relative to `config_dir`, which
    must lie under GATEHOUSE_ALLOWED_ROOTS (colon separated, checked after resolving links) where
    that is set.
    Raises ConfigError when it cannot be resolved.
    """
    if ref in bindings:
        return Path(bindings[ref])
    if ref.startswith(NAMED_SCHEMES):
        raise ConfigError(
            f"{ref} is not bound to a folder on this host",
            hint="Give --bind REF=FOLDER, or launch through the console, which binds it.",
        )
    if ref.startswith("builtin:"):
        return _existing(BUILTIN / ref.removeprefix("builtin:"), ref)
    path = (config_dir / ref).resolve()
    roots = os.environ.get(ROOTS_VARIABLE, "")
    if roots and not any(path.is_relative_to(Path(r).resolve()) for r in roots.split(":") if r):
        raise ConfigError(
            f"{ref} lies outside the folders that this host allows",
            hint=f"Allowed: {roots}. An administrator sets {ROOTS_VARIABLE} on the host.",
        )
    return _existing(path, ref)


def bindings_of(pairs: Sequence[str]) -> dict[str, Path]:
    """What `--bind REF=PATH` says. Raises ConfigError for one that is malformed."""
    bindings = {}
    for pair in pairs:
        ref, equals, path = pair.partition("=")
        if not equals:
            raise ConfigError(f"--bind takes REF=PATH, got {pair!r}")
        bindings[ref] = Path(path).resolve()
    return bindings


def _existing(path: Path, ref: str) -> Path:
    if not path.exists():
        raise ConfigError(f"{ref} does not exist (looked at {path})")
    return path
