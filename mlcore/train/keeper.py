"""What a rank does about checkpoints: go on from one, write them, and hand over the best."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from mlcore.run.context import RunContext
from mlcore.train import checkpoint
from mlcore.train.checkpoint import Cursor, Publish
from mlcore.train.config import SftConfig
from mlcore.train.engine import Engine
from mlcore.train.optim import Optimizers
from mlcore.train.order import SampleOrder
from mlcore.train.saving import (
    BEST,
    READY,
    STATE,
    Best,
    Saving,
    newest_good,
    read_state,
    step_of,
)
from mlcore.tuning.tuned import Tuned


class Keeper:
    """The checkpoints of one run. Every method is called by every rank at the same place."""

    def __init__(
        self,
        config: SftConfig,
        engine: Engine,
        tuned: Tuned,
        optimizers: Optimizers,
        order: SampleOrder,
    ) -> None:
        self._config = config
        self._engine = engine
        self._tuned = tuned
        self._model = tuned.model
        self._optimizers = optimizers
        self._order = order
        self._saving = Saving(config.checkpoint, config.steps)

    @property
    def best(self) -> Best | None:
        """The best look so far; rank 0 knows it."""
        return self._saving.best

    def resume(self, ctx: RunContext, expected: Cursor) -> int:
        """Take up the newest checkpoint that is whole; returns the steps that are done.

        Raises ConfigError when it is of another run, DataError when every one is damaged.
        """
        folder = ctx.folder.checkpoints
        step = 0
        if self._engine.rank == 0:
            found = newest_good(folder, ctx.events)
            step = 0 if found is None else step_of(found)
        (step,) = self._agree(step)
        if not step:
            return 0
        path = folder / f"step-{step}"
        was = checkpoint.load(path, expected, self._engine, self._model, self._optimizers)
        self._tuned.load_tensors(checkpoint.load_extra(path))
        if self._engine.rank == 0:
            self._restore_best(ctx, path)
            ctx.events.rewind(step)
            ctx.events.status("running", f"resumed after step {step}{_others(was, expected)}")
        return step

    def after_step(
        self, ctx: RunContext, cursor: Cursor, seen: Mapping[str, float], publish: Publish | None
    ) -> bool:
        """Write what is due after `cursor.step` steps; `seen` are the figures of a look, if there
        was one. Returns whether a stop was asked for, of any rank."""
        epoch = self._order.epoch(cursor.step)
        better = self._saving.judge(cursor.step, epoch, seen, ctx.events)
        if better and self.best is not None:
            told = f"step {self.best.step} is the best so far: {self.best.metric} "
            ctx.events.status("running", f"{told}{self.best.value:.4g}")
        stop, keep = (flag > 0 for flag in self._agree(int(ctx.stop.requested), int(better)))
        if stop or keep or self._saving.due(cursor.step, epoch):
            stays = stop and cursor.step < self._config.steps
            restartable = stays or self._config.checkpoint.type == "restartable"
            began = time.monotonic()
            self._save(ctx, cursor, None if restartable else publish)
            if self._engine.rank == 0:
                spent = {"time/checkpoint_s": time.monotonic() - began}
                ctx.events.metric(cursor.step, spent, epoch=epoch)
        return stop

    def write_output(self, ctx: RunContext, publish: Publish, folder: Path) -> int:
        """Write the run's model: that of the best step where the config wants it.

        Returns on rank 0 the step whose weights it has.
        """
        with self._engine.whole(self._model) as model:
            if self._engine.rank == 0:
                return self._write(ctx, publish, model, folder)
        return self._config.steps

    def _write(self, ctx: RunContext, publish: Publish, model: nn.Module, folder: Path) -> int:
        wanted = self._config.checkpoint.best
        if wanted is not None and wanted.output == "best":
            if self.best is not None:
                path = ctx.folder.checkpoints / f"step-{self.best.step}"
                self._write_best(path, publish, model, folder)
                return self.best.step
            ctx.events.warning(
                "no_best", f"{wanted.metric} judged no step; the model is that of the last one"
            )
        publish(model, folder)
        return self._config.steps

    def _write_best(self, path: Path, publish: Publish, model: nn.Module, folder: Path) -> None:
        if read_state(path)["type"] == "weights_only":
            left = shutil.ignore_patterns(STATE, READY)
            shutil.copytree(path, folder, dirs_exist_ok=True, ignore=left)
            return
        checkpoint.load_weights(path, model)
        self._tuned.load_tensors(checkpoint.load_extra(path))
        publish(model, folder)

    def _save(self, ctx: RunContext, cursor: Cursor, publish: Publish | None) -> None:
        folder = ctx.folder.checkpoints
        weights_only = self._agree(int(publish is not None))[0] > 0
        if not weights_only:
            checkpoint.save_rng(folder, cursor.step, self._engine.rank)
            self._engine.barrier()
        tensors = {} if weights_only else self._engine.optimizer_tensors(self._optimizers)
        with self._engine.whole(self._model) as model:
            if self._engine.rank == 0:
                if publish is None:
                    state = model, tensors, self._tuned.tensors()
                    checkpoint.save(folder, cursor, *state, self._saving)
                else:
                    checkpoint.save_weights(folder, cursor, publish, model, self._saving)
        self._engine.barrier()

    def _restore_best(self, ctx: RunContext, path: Path) -> None:
        """The best look up to a checkpoint, unless its weights are not there any more."""
        folder = ctx.folder.checkpoints
        (folder / BEST).unlink(missing_ok=True)
        raw = read_state(path).get("best")
        best = None if raw is None else Best(**raw)
        if best is not None and not (folder / f"step-{best.step}" / READY).exists():
            ctx.events.warning(
                "best_gone", f"the weights of step {best.step}, the best so far, are gone"
            )
            best = None
        self._saving.best = best
        self._saving.point_at_best(folder)

    def _agree(self, *flags: int) -> list[int]:
        """The sums of these flags over all ranks, on every rank."""
        device = next(self._model.parameters()).device
        total = self._engine.all_sum(torch.tensor(flags, dtype=torch.float64, device=device))
        return [int(value) for value in total.tolist()]


def _others(was: Cursor, now: Cursor) -> str:
    """Words about another number of processes."""
    if was.world == now.world:
        return ""
    return f" of {was.world} {'process' if was.world == 1 else 'processes'}, now {now.world}"
