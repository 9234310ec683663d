"""What one step learns from a teacher on one rank, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch

from mlcore.chat.collate import ModelBatch
from mlcore.chat.render import UNSUPERVISED
from mlcore.distill.answers import MADE
from mlcore.distill.features import rows_of
from mlcore.distill.step import WORDS, KdCounts, Study
from mlcore.distill.teacher import Teacher
from mlcore.train.config.distill import DistillConfig
from mlcore.train.telemetry import Ratio


class Taught(Protocol):
    """What the loop asks of a step's lessons, in this order. Lists are added up over the ranks
    between two calls."""

    def note(self, batch: ModelBatch) -> None:
        """Counts what is compared on a batch of true answers, which is on the CPU."""
        ...

    def before(self) -> list[float]:
        """What must be known of all ranks before the first backward pass."""
        ...

    def begin(self, totals: Sequence[float]) -> None:
        """Takes the sums over all ranks of `before`."""
        ...

    def study(self, number: int, batch: ModelBatch) -> tuple[Study, ...]:
        """What the forward pass of micro-batch `number` (from 0) gets besides the batch, which is
        on the device."""
        ...

    def add(self, sums: Mapping[str, torch.Tensor]) -> None:
        """Adds the sums of a micro-batch, by term."""
        ...

    def after(self) -> list[float]:
        """What is told of the step."""
        ...

    def end(self, totals: Sequence[float]) -> None:
        """Takes the sums over all ranks of `after`."""
        ...

    def losses(self, supervised: float | None) -> dict[str, float]:
        """The loss and its parts, weights and all; `supervised` is that of the true labels, None
        where they are not learned. A part that had nothing to compare is absent."""
        ...

    def ratios(self) -> dict[str, Ratio]:
        """Shares of the answers that were made."""
        ...

    def counts(self) -> dict[str, float]:
        """Answers that were made."""
        ...


class Untaught:
    """Without a teacher there is nothing to add to a step."""

    def note(self, batch: ModelBatch) -> None:
        return

    def before(self) -> list[float]:
        return []

    def begin(self, totals: Sequence[float]) -> None:
        assert not totals

    def study(self, number: int, batch: ModelBatch) -> tuple[Study, ...]:
        return ()

    def add(self, sums: Mapping[str, torch.Tensor]) -> None:
        return

    def after(self) -> list[float]:
        return []

    def end(self, totals: Sequence[float]) -> None:
        assert not totals

    def losses(self, supervised: float | None) -> dict[str, float]:
        return {}

    def ratios(self) -> dict[str, Ratio]:
        return {}

    def counts(self) -> dict[str, float]:
        return {}


class Lessons:
    """The lessons of a step with a teacher.

    `made` has the made answers of each micro-batch, and is empty where the true ones are compared;
    `counted` is what happened to made answers, and `merge` patches per side become one token.
    """

    def __init__(
        self,
        config: DistillConfig,
        teacher: Teacher,
        merge: int,
        made: Sequence[ModelBatch] = (),
        counted: Mapping[str, float] | None = None,
    ) -> None:
        self._config = config
        self._teacher = teacher
        self._merge = merge
        self._made = made
        self._counts = KdCounts(0, 0, 0)
        for batch in made:
            self.note(batch)
        self._counted = {name: float((counted or {}).get(name, 0)) for name in MADE}
        words = [WORDS] if config.llm_kd_weight else []
        names = [*words, *(f"vision_kd_{target}" for target in config.features)]
        self._sums = dict.fromkeys(names, 0.0)

    def note(self, batch: ModelBatch) -> None:
        words = int((batch.labels[:, 1:] != UNSUPERVISED).sum())
        grids = batch.image_grid_thw
        rows = [rows_of(target, grids, self._merge) for target in ("vit", "aligner")]
        self._counts = KdCounts(*(a + b for a, b in zip(self._counts, (words, *rows), strict=True)))

    def before(self) -> list[float]:
        return [*self._counts, *self._counted.values()]

    def begin(self, totals: Sequence[float]) -> None:
        size = len(self._counts)
        self._counts = KdCounts(*totals[:size])
        self._counted = dict(zip(MADE, totals[size:], strict=True))

    def study(self, number: int, batch: ModelBatch) -> tuple[Study, ...]:
        """The teacher reads here; where no words are compared its eyes alone are asked."""
        made = self._made[number].to(batch.input_ids.device) if self._made else None
        ask = self._teacher.read if self._config.llm_kd_weight else self._teacher.look
        lesson = ask(batch if made is None else made, list(self._config.features))
        return (Study(lesson, self._counts, made),)

    def add(self, sums: Mapping[str, torch.Tensor]) -> None:
        for name in self._sums:
            if name in sums:
                self._sums[name] += float(sums[name])

    def after(self) -> list[float]:
        return list(self._sums.values())

    def end(self, totals: Sequence[float]) -> None:
        self._sums = dict(zip(self._sums, totals, strict=True))

    def losses(self, supervised: float | None) -> dict[str, float]:
        counts, config = self._counts, self._config
        parts: dict[str, float] = {} if supervised is None else {"sft_loss": supervised}
        if WORDS in self._sums and counts.words:
            parts["llm_kd_loss"] = config.llm_kd_weight * self._sums[WORDS] / counts.words
        eyes = {
            f"vision_kd_loss_{target}": wanted.weight
            * self._sums[f"vision_kd_{target}"]
            / counts.of(target)
            for target, wanted in config.features.items()
            if counts.patches
        }
        if eyes:
            parts["vision_kd_loss"] = sum(eyes.values())
        return {"loss": sum(parts.values()), **parts, **eyes}

    def ratios(self) -> dict[str, Ratio]:
        answers, *happened = self._counted.values()
        names = list(MADE)[1:]
        return {name: (n, answers) for name, n in zip(names, happened, strict=True) if answers}

    def counts(self) -> dict[str, float]:
        answers = self._counted["made"]
        return {"made": answers} if answers else {}
