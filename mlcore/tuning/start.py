"""The checkpoint that a run learns from, where it must be made first."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from mlcore.run.context import RunContext
from mlcore.train.config import CheckpointStart, FullTuning, SftConfig
from mlcore.tuning.expand import expand
from mlcore.tuning.merge import merge

ADAPTER = "start-adapter"
"""folder of a run with the adapter that goes on learning"""
BASE = "base"
"""output of a run whose adapters were trained on a checkpoint that the run made"""


def made_folder(config: SftConfig, ctx: RunContext, build: Callable[[Path], None]) -> Path:
    """The checkpoint that `build` writes, made once for all attempts and ranks of a run.

    Adapters are nothing without it, so a run with adapters has it as an output.
    """
    full = isinstance(config.tuning, FullTuning)
    folder = ctx.folder.root / "start" if full else ctx.folder.artifacts / BASE
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = ctx.folder.root / ".start.tmp"
        shutil.rmtree(unfinished, ignore_errors=True)
        build(unfinished)
        unfinished.rename(folder)
    return folder


def checkpoint_folder(config: SftConfig, start: CheckpointStart, ctx: RunContext) -> Path:
    """The checkpoint of a config, with an adapter merged into it and coordinate tokens added
    where the config says so. An adapter that goes on is laid ready in the run folder.

    Raises DataError where the adapter is not for that checkpoint, ConfigError where the tokens
    are there already.
    """
    source = ctx.resolve(start.checkpoint)
    adapter = None if start.adapter is None else ctx.resolve(start.adapter)
    if adapter is not None and start.adapter_then == "continue":
        target = ctx.folder.root / ADAPTER
        if not target.exists():
            shutil.copytree(adapter, target)
        adapter = None
    grows = start.coord_tokens == "expand"
    if adapter is None and not grows:
        return source

    def build(folder: Path) -> None:
        base = source
        if adapter is not None:
            base = folder.with_name(".merged.tmp") if grows else folder
            shutil.rmtree(base, ignore_errors=True)
            merge(source, adapter, base)
        if grows:
            expand(base, folder)
        if base not in (source, folder):
            shutil.rmtree(base)

    return made_folder(config, ctx, build)


def continued(ctx: RunContext) -> Path | None:
    """The adapter of an earlier stage that this run goes on with, once its start is made."""
    folder = ctx.folder.root / ADAPTER
    return folder if folder.exists() else None
