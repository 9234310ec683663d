"""The loop. Its order makes every split of a batch equal: count the supervised tokens of the
whole step over all ranks and micro-batches first, divide every loss sum by that, then backward.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from mlcore.chat.collate import ModelBatch
from mlcore.distill.coach import Coach
from mlcore.distill.lessons import Taught, Untaught
from mlcore.distill.step import Study
from mlcore.errors import DataError, DivergedError, InterruptedRunError
from mlcore.losses.terms import Counts
from mlcore.run.context import RunContext
from mlcore.train.checkpoint import Cursor, Publish
from mlcore.train.clock import StepClock
from mlcore.train.config import SftConfig
from mlcore.train.engine import Engine, trained
from mlcore.train.held_out import HeldOut
from mlcore.train.keeper import Keeper
from mlcore.train.loader import Loader
from mlcore.train.looks import Looks
from mlcore.train.meter import Gauge, Meter
from mlcore.train.optim import Optimizers
from mlcore.train.order import Draw, SampleOrder, StepPlan
from mlcore.train.packing import Layout
from mlcore.train.precision import arithmetic
from mlcore.train.schedule import sigma
from mlcore.train.source import Sample, Source
from mlcore.train.step import SftStep
from mlcore.train.tally import Tally
from mlcore.train.telemetry import StepFacts, Telemetry
from mlcore.train.watch import Watch
from mlcore.train.work import Work
from mlcore.tuning.tuned import Tuned


@dataclass
class StepResult:
    """One finished step: what it added up to, gradient norm, and what it cost."""

    norm: float
    tally: Tally
    meter: Meter
    lessons: Taught

    @property
    def losses(self) -> dict[str, float]:
        """The loss and its parts; with a teacher its terms are parts too."""
        told = self.tally.losses()
        return {**told, **self.lessons.losses(told.get("loss"))}


class Trainer:
    """Everything that a rank holds while training."""

    def __init__(
        self,
        config: SftConfig,
        engine: Engine,
        step: SftStep,
        source: Source,
        order: SampleOrder,
        device: torch.device,
        gauge: Gauge,
        held_out: HeldOut,
        tuned: Tuned,
        coach: Coach | None = None,
    ) -> None:
        self.config = config
        self.engine = engine
        self.step = step
        self.tuned = tuned
        self.source = source
        self.order = order
        self.device = device
        self.gauge = gauge
        self.held_out = held_out
        self.clock = StepClock(device)
        self.coach = coach
        self.parameters = sum(p.numel() for p in trained(step.model))
        self.optimizers = engine.spread(
            step, step.model, lambda: Optimizers(step.model, config.optim)
        )
        self.loader = Loader(source, self._mine, config.loading, config.steps)
        self.keeper = Keeper(config, engine, tuned, self.optimizers, order)
        self.layout = Layout(config.packing, config.micro_batch, config.global_max_length)

    @property
    def identity(self) -> str:
        """Names what each step learns from: the order, and the augmentation where there is one."""
        order = self.order.digest()
        if self.config.data.augmentation is None:
            return order
        text = f"{order}/{self.config.data.augmentation.model_dump_json()}"
        return hashlib.sha256(text.encode()).hexdigest()

    def run(
        self, ctx: RunContext, looks: Looks, data: str, publish: Publish | None = None
    ) -> dict[str, float]:
        """Train from where the run folder stands to the end; returns the last figures.

        `publish` writes the model for use. Rank 0 alone writes events and checkpoints. Raises
        InterruptedRunError after saving when a stop was asked for, DivergedError on a loss that is
        no number.
        """
        teacher = self.coach.identity if self.coach else ""
        cursor = Cursor(0, self.config.steps, self.identity, data, self.engine.world, teacher)
        first = self.keeper.resume(ctx, cursor)
        peak = self.gauge.peak and self.gauge.peak * self.engine.world
        telemetry = Telemetry(
            ctx.events, self.config.steps, self.config.log_every, self.clock, peak
        )
        watch = Watch(self.config.loading.workers)
        figures: dict[str, float] = {}
        self.step.model.train()
        with self.loader:
            for index in range(first, self.config.steps):
                done = index + 1
                telemetry.begin_step()
                told = self._one(index, telemetry)
                figures.update(told)
                for code, trouble in watch.see(told):
                    ctx.events.warning(code, trouble)
                seen: dict[str, float] = {}
                if done % self.config.evaluation.every_steps == 0 or self._last(done):
                    with arithmetic(self.config, self.device):
                        seen = self._evaluate(ctx, looks, done)
                    figures.update(seen)
                stop = self.keeper.after_step(ctx, replace(cursor, step=done), seen, publish)
                if stop and not self._last(done):
                    raise InterruptedRunError(
                        f"stopped on request after step {done} of {self.config.steps}",
                        hint="Resume continues from there.",
                    )
        return figures

    def _mine(self, index: int) -> Sequence[Draw]:
        """The draws of a step that are this rank's."""
        return self.order.step(index).draws[self.engine.rank :: self.engine.world]

    def _evaluate(self, ctx: RunContext, looks: Looks, done: int) -> dict[str, float]:
        """Figures of held-out images after step `done`; on other ranks than 0 their share of the
        work and nothing to tell."""
        began = time.monotonic()
        engine = self.engine
        seen = self.held_out.figures(
            self.step, engine.forward, engine.rank, engine.world, self._all_sum, self.coach
        )
        if self.config.evaluation.images:
            with engine.whole(self.step.model) as model:
                seen |= looks.look(ctx, model, done)
        if engine.rank != 0:
            return {}
        if seen:
            told = {**seen, "time/evaluation_s": time.monotonic() - began}
            ctx.events.metric(done, told, epoch=self.order.epoch(done))
        return seen

    def _one(self, index: int, telemetry: Telemetry) -> dict[str, float]:
        """Do one step; returns the figures that it made rank 0 report, if any."""
        plan = self.order.step(index)
        rates = self.optimizers.set_rates(index, self.config.steps)
        result = self._learn(plan, index)
        values = {**result.losses, "grad_norm": result.norm, **rates}
        if self.engine.rank != 0:
            return {}
        meter = result.meter
        facts = StepFacts(
            {**values, **meter.values()},
            meter.tokens,
            len(plan.draws),
            meter.supervised,
            meter.flops,
            ratios={**result.tally.ratios(), **meter.ratios(), **result.lessons.ratios()},
            counts={**result.tally.counts(), **result.lessons.counts()},
        )
        return telemetry.end_step(index + 1, facts, self.order.epoch(index + 1))

    def _learn(self, plan: StepPlan, index: int) -> StepResult:
        """Gradients of the whole batch, summed over micro-batches and ranks, and one update."""
        with self.clock.phase("data"):
            samples = self.loader.samples(index)
        work = self._laid_out(samples)
        lessons = self._lessons(index, work.parts, work.batches)
        text_n, coord_n, *taught = self._step_sum([*work.supervised, *lessons.before()])
        lessons.begin(taught)
        whole = Counts(text_n, coord_n)
        self._require_labels(plan, sum(whole))
        self.optimizers.zero_grad()
        width = self._sigma(index)
        told = []
        for number, batch in enumerate(work.batches):
            last = number == len(work.batches) - 1
            moved = self._to_device(batch)
            study = self._study(lessons, number, moved)
            with self.engine.accumulate(last=last):
                with self.clock.phase("forward"), arithmetic(self.config, self.device):
                    out = self.engine.forward(moved, whole, width, *study)
                with self.clock.backward(out.loss, shared=last and self.engine.world > 1):
                    self.engine.backward(out.loss)
            told.append((out.samples, out.right, out.sums))
        # Read only now: reading makes a GPU finish what it was given.
        tally = Tally(self.step.objective, len(self.source.feeds), self.source.labels)
        meter = Meter(self.gauge, self.engine.rank, self.engine.world)
        tally.lay(work.fill, self.layout.budget)
        for (part, batch, count), (terms, right, sums) in zip(work, told, strict=True):
            tally.add(part, terms, count)
            meter.add(part, batch, right)
            lessons.add(sums)
        self._add_up(tally, meter, lessons)
        self._require_finite(plan, self._losses(tally, lessons))
        with self.clock.phase("optimizer"):
            self.tuned.before_step()
            norm = self.engine.update(self.optimizers, self.config.optim.clip)
            self._require_finite(plan, {"the gradient norm": norm})
            self.tuned.after_step(index + 1)
        return StepResult(norm, tally, meter, lessons)

    def _add_up(self, tally: Tally, meter: Meter, lessons: Taught) -> None:
        """Make all hold the sums over all ranks."""
        taught = lessons.after()
        first, second = len(taught), len(taught) + len(tally.vector)
        summed = self._step_sum([*taught, *tally.vector, *meter.vector])
        lessons.end(summed[:first])
        tally.replace(summed[first:second])
        meter.replace(summed[second:])

    def _lessons(
        self, index: int, parts: Sequence[Sequence[Sample]], batches: Sequence[ModelBatch]
    ) -> Taught:
        """What the step learns from the teacher, its answers made; nothing without one."""
        if self.coach is None:
            return Untaught()
        with self.clock.phase("teacher"), arithmetic(self.config, self.device):
            student = partial(self.engine.whole, self.step.model)
            return self.coach.lessons(student, index, parts, batches)

    def _study(self, lessons: Taught, number: int, batch: ModelBatch) -> tuple[Study, ...]:
        """What the teacher makes of a micro-batch, which is on the device."""
        if self.coach is None:
            return ()
        with self.clock.phase("teacher"), arithmetic(self.config, self.device):
            return lessons.study(number, batch)

    def _laid_out(self, samples: Sequence[Sample]) -> Work:
        """The samples of this rank as batches, as many as on every other rank."""
        lengths = [len(sample.example) for sample in samples]
        layout = self.layout.parts(lengths)
        if self.engine.world > 1:
            layout = self.layout.parts(lengths, at_least=self._most(len(layout)))
        with self.clock.phase("data"):
            return Work.of(samples, layout, self.source.pad_id, self.step)

    def _most(self, parts: int) -> int:
        """The most forward passes that any rank has, on every rank."""
        has = [0.0] * (self.config.batch_size + 1)
        has[parts] = 1.0
        return max(number for number, ranks in enumerate(self._step_sum(has)) if ranks)

    def _to_device(self, batch: ModelBatch) -> ModelBatch:
        if self.device.type == "cuda" and self.config.loading.pin_memory:
            return batch.pinned().to(self.device, non_blocking=True)
        return batch.to(self.device)

    def _sigma(self, index: int) -> float:
        soft = self.config.coord_loss
        return 1.0 if soft is None else sigma(soft, index, self.config.steps)

    def _last(self, done: int) -> bool:
        return done == self.config.steps

    def _all_sum(self, values: Sequence[float]) -> list[float]:
        if self.engine.world == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        total: list[float] = self.engine.all_sum(tensor).tolist()
        return total

    def _step_sum(self, values: Sequence[float]) -> list[float]:
        """The same as a part of a step, whose time it is."""
        if self.engine.world == 1:
            return list(values)
        with self.clock.phase("sync"):
            return self._all_sum(values)

    def _require_labels(self, plan: StepPlan, supervised: float) -> None:
        if not supervised:
            raise DataError(
                "no token of the step has a label: there is nothing to learn from",
                hint="Every answer is empty or masked. `python -m mlcore messages show DATASET` "
                "shows what is supervised.",
                where=", ".join(self.source.name(draw) for draw in plan.draws),
            )

    def _losses(self, tally: Tally, lessons: Taught) -> dict[str, float]:
        """Every part of the step's loss in words, over all ranks."""
        totals = tally.totals()
        told = {f"the loss term {term.name}": totals[term.name] for term in self.step.terms}
        return told | {f"the {name}": value for name, value in lessons.losses(None).items()}

    def _require_finite(self, plan: StepPlan, told: Mapping[str, float]) -> None:
        """Raises DivergedError. Weights and optimisers are still as the step before left them."""
        wrong = [f"{name} is {value}" for name, value in told.items() if not math.isfinite(value)]
        if wrong:
            names = [self.source.name(draw) for draw in plan.draws]
            raise DivergedError(
                ", ".join(wrong),
                hint="Lower the learning rate, or look at the named records.",
                where=", ".join(names),
            )
