"""The loop. Its order makes every split of a batch equal: count the supervised tokens of the
whole step over all ranks and micro-batches first, divide every loss sum by that, then backward.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from mlcore.chat.collate import ModelBatch, pad_right
from mlcore.chat.render import TrainingExample
from mlcore.errors import GatehouseError, InterruptedRunError
from mlcore.run.context import RunContext
from mlcore.train import checkpoint
from mlcore.train.checkpoint import Cursor
from mlcore.train.config import SftConfig
from mlcore.train.engine import Engine
from mlcore.train.looks import Looks
from mlcore.train.optim import Optimizers, gradient_norm
from mlcore.train.order import Order, StepPlan
from mlcore.train.schedule import rate, sigma
from mlcore.train.source import Source
from mlcore.train.step import SftStep
from mlcore.train.telemetry import Telemetry


class DivergedError(GatehouseError):
    """The loss or the gradient is not a finite number any more."""

    code: ClassVar[str] = "diverged"


@dataclass
class StepResult:
    """One finished step: mean losses in nats per token, gradient norm, tokens of all ranks."""

    loss: float
    text: float
    coord: float
    norm: float
    tokens: int


class Trainer:
    """Everything that a rank holds while training."""

    def __init__(
        self,
        config: SftConfig,
        engine: Engine,
        step: SftStep,
        source: Source,
        order: Order,
        device: torch.device,
    ) -> None:
        self.config = config
        self.engine = engine
        self.step = step
        self.wrapped = engine.wrap(step)
        self.source = source
        self.order = order
        self.device = device
        self.optimizers = Optimizers(step.model, config.optim)
        self.parameters = [p for p in step.model.parameters() if p.requires_grad]

    def run(self, ctx: RunContext, looks: Looks | None, data: str) -> dict[str, float]:
        """Train from where the run folder stands to the end; returns the last figures.

        Rank 0 passes `looks` and alone writes events and checkpoints. Raises InterruptedRunError
        after saving when a stop was asked for, DivergedError on a loss that is no number.
        """
        cursor = Cursor(0, self.config.steps, self.order.digest(), data, self.engine.world)
        first = self._resume(ctx, cursor)
        telemetry = Telemetry(ctx.events, self.config.steps, self.config.log_every)
        figures: dict[str, float] = {}
        self.step.model.train()
        for index in range(first, self.config.steps):
            done = index + 1
            telemetry.begin_step()
            figures.update(self._one(index, telemetry))
            if looks and (done % self.config.evaluation.every_steps == 0 or self._last(done)):
                seen = looks.look(ctx, self.step.model, done)
                ctx.events.metric(done, seen, epoch=self.order.epoch(done))
                figures.update(seen)
            stop = self._agree(flag=ctx.stop.requested)
            if stop or done % self.config.checkpoint.every_steps == 0 or self._last(done):
                self._save(ctx, replace(cursor, step=done))
            if stop and not self._last(done):
                raise InterruptedRunError(
                    f"stopped on request after step {done} of {self.config.steps}",
                    hint="Resume continues from there.",
                )
        return figures

    def _one(self, index: int, telemetry: Telemetry) -> dict[str, float]:
        """Do one step; returns the figures that it made rank 0 report, if any."""
        plan = self.order.step(index)
        share = rate(self.config.optim, index, self.config.steps)
        lr = self.optimizers.set_rate(share)
        result = self._learn(plan, self._sigma(index))
        values = {"loss": result.loss, "loss_text": result.text, "lr": lr, "grad_norm": result.norm}
        if plan.mode == "dense":
            values = {**values, "loss_dense": result.loss, "loss_coord": result.coord}
        else:
            values = {**values, "loss_summary": result.loss}
        if self.engine.rank != 0:
            return {}
        return telemetry.end_step(
            index + 1, values, result.tokens, len(plan.indices), self.order.epoch(index + 1)
        )

    def _learn(self, plan: StepPlan, width: float | None) -> StepResult:
        """Gradients of the whole batch, summed over micro-batches and ranks, and one update."""
        mine = plan.indices[self.engine.rank :: self.engine.world]
        examples = [self.source.example(i, plan.mode) for i in mine]
        batches = [self._to_device(pad_right(part, self._pad)) for part in self._parts(examples)]
        counts = [self.step.counts(batch) for batch in batches]
        text_n, coord_n, tokens = self._all_sum(
            [sum(t for t, _ in counts), sum(c for _, c in counts), sum(len(e) for e in examples)]
        )
        self.optimizers.zero_grad()
        sums = torch.zeros(2, dtype=torch.float64, device=self.device)
        for number, batch in enumerate(batches, start=1):
            with self.engine.accumulate(self.wrapped, last=number == len(batches)):
                parts = self.wrapped(batch, width)
                loss = parts.sum() / (text_n + coord_n) * self.engine.gradient_scale()
                loss.backward()
            sums += parts.detach()
        text, coord = self._all_sum(sums.tolist())
        norm = gradient_norm(self.parameters, self.config.optim.clip)
        if not math.isfinite(text + coord) or not math.isfinite(norm):
            raise self._diverged(plan, text + coord, norm)
        self.optimizers.step()
        mean = (text + coord) / (text_n + coord_n)
        return StepResult(mean, text / max(1, text_n), coord / max(1, coord_n), norm, int(tokens))

    def _parts(self, examples: Sequence[TrainingExample]) -> list[Sequence[TrainingExample]]:
        size = self.config.micro_batch
        return [examples[start : start + size] for start in range(0, len(examples), size)]

    @property
    def _pad(self) -> int:
        return self.source.renderer.ids.pad

    def _to_device(self, batch: ModelBatch) -> ModelBatch:
        if self.device.type == "cpu":
            return batch
        return ModelBatch(**{name: t.to(self.device) for name, t in vars(batch).items()})

    def _sigma(self, index: int) -> float | None:
        soft = self.config.coord_loss
        return None if soft is None else sigma(soft, index, self.config.steps)

    def _last(self, done: int) -> bool:
        return done == self.config.steps

    def _all_sum(self, values: Sequence[float]) -> list[float]:
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        total: list[float] = self.engine.all_sum(tensor).tolist()
        return total

    def _agree(self, *, flag: bool) -> bool:
        """True on every rank when it is true on any: all stop after the same step."""
        return self._all_sum([float(flag)])[0] > 0

    def _resume(self, ctx: RunContext, expected: Cursor) -> int:
        ready = checkpoint.checkpoints(ctx.folder.checkpoints)
        if not ready:
            return 0
        found = checkpoint.load(
            ready[-1], expected, self.engine.rank, self.step.model, self.optimizers
        )
        if self.engine.rank == 0:
            ctx.events.rewind(found.step)
            ctx.events.status("running", f"resumed after step {found.step}")
        return found.step

    def _save(self, ctx: RunContext, cursor: Cursor) -> None:
        folder = ctx.folder.checkpoints
        checkpoint.save_rng(folder, cursor.step, self.engine.rank)
        self.engine.barrier()
        if self.engine.rank == 0:
            keep = self.config.checkpoint.keep
            checkpoint.save(folder, cursor, self.step.model, self.optimizers, keep)
        self.engine.barrier()

    def _diverged(self, plan: StepPlan, loss: float, norm: float) -> DivergedError:
        names = [self.source.records[i].id for i in plan.indices]
        return DivergedError(
            f"the loss sum is {loss} and the gradient norm {norm}",
            hint="Lower the learning rate, or look at the named records.",
            where=", ".join(names),
        )
