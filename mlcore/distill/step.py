"""One forward pass that also learns from a teacher: the same hidden states and the same logits
serve the true labels and the teacher's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from transformers import Qwen3VLForConditionalGeneration

from mlcore.chat.collate import ModelBatch
from mlcore.chat.render import UNSUPERVISED
from mlcore.distill.features import distances, tapped
from mlcore.distill.teacher import Lesson, Teacher
from mlcore.losses.head import chunked
from mlcore.losses.jsd import jsd
from mlcore.losses.terms import Counts, Objective
from mlcore.models.forward import lm_logits
from mlcore.train.config.distill import DistillConfig
from mlcore.train.step import SftStep, StepOutput, sum_of

WORDS = "llm_kd"
"""the term of the teacher's words; the terms of its eyes are vision_kd_<target>"""


class KdCounts(NamedTuple):
    """What the teacher's terms are divided by, over the whole step: positions whose words are
    compared, patches, and image tokens."""

    words: float
    patches: float
    image_tokens: float

    def of(self, target: str) -> float:
        """Rows of a vision target; at least 1, so that no images give no loss."""
        return max(1.0, self.patches if target == "vit" else self.image_tokens)


@dataclass(frozen=True)
class Study:
    """What a micro-batch learns from its teacher.

    `lesson` is of `made` where answers were made for it, and of the batch itself otherwise.
    """

    lesson: Lesson
    counts: KdCounts
    made: ModelBatch | None = None


class Judge:
    """Compares words with the teacher's wherever logits are at hand, and sums up what it found."""

    def __init__(self, config: DistillConfig, teacher: Teacher, study: Study) -> None:
        assert study.lesson.states is not None
        self._states = study.lesson.states
        self._teacher = teacher
        self._beta, self._temperature = config.beta, config.temperature
        self._rate = config.llm_kd_weight / max(1.0, study.counts.words)
        self.sum = torch.zeros((), dtype=torch.float64, device=self._states.device)

    def loss(self, logits: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """The weighted share of the step's loss, 0-d. logits [n, V] of the student at the places
        `rows`, int64 [n], of the batch laid out in one row."""
        its = self._teacher.logits(self._states[rows])
        values = jsd(logits, its, self._beta, self._temperature)
        self.sum += values.detach().double().sum()
        return values.sum() * self._rate


class DistillStep(SftStep):
    """As `SftStep`, with the terms of a teacher. Their sums are among the sums that it gives, in
    nats and as distances, without weight; a term that had nothing to compare is absent."""

    def __init__(
        self,
        model: Qwen3VLForConditionalGeneration,
        coord_ids: list[int],
        objective: Objective,
        config: DistillConfig,
        teacher: Teacher,
    ) -> None:
        super().__init__(model, coord_ids, objective)
        self.config = config
        self.teacher = teacher

    def forward(
        self, batch: ModelBatch, counts: Counts, sigma: float, study: Study | None = None
    ) -> StepOutput:
        """The loss of a batch. `counts` and those of `study` are of the whole step; without a
        study only the true labels count."""
        if study is None:
            return super().forward(batch, counts, sigma)
        judge = Judge(self.config, self.teacher, study) if self.config.llm_kd_weight else None
        made = study.made
        first = batch if made is None or self.terms else made
        features = list(study.lesson.features)
        with tapped(self.model, features, first.pixel_values) as seen:
            states = self.states(first)
        if made is None:
            out = self.scored(states, batch, counts, sigma, judge)
        elif self.terms:
            out = self.scored(states, batch, counts, sigma)
        else:
            out = StepOutput(states.new_zeros(()), {}, {}, None)
        losses, sums = [out.loss], dict(out.sums)
        if judge is not None and made is not None:
            losses.append(self._judged(states if first is made else self.states(made), made, judge))
        if judge is not None:
            sums[WORDS] = judge.sum
        for target, wanted in self.config.features.items():
            if target in seen:
                rows = distances(seen[target], study.lesson.features[target], wanted.distance)
                losses.append(rows.sum() * (wanted.weight / study.counts.of(target)))
                sums[f"vision_kd_{target}"] = rows.detach().double().sum()
        loss = sum_of([part.to(out.loss.dtype) for part in losses])
        return StepOutput(loss, sums, out.samples, out.right)

    def _judged(self, states: torch.Tensor, made: ModelBatch, judge: Judge) -> torch.Tensor:
        """The weighted loss of made answers, 0-d: the teacher's words alone."""
        length = made.labels.shape[1]
        places = (made.labels[:, 1:] != UNSUPERVISED).nonzero()
        rows = places[:, 0] * length + places[:, 1]

        def score(hidden: torch.Tensor, span: slice) -> tuple[torch.Tensor, torch.Tensor]:
            loss = judge.loss(lm_logits(self.model, hidden), rows[span])
            return loss, hidden.new_zeros(len(hidden), 0)

        head = list(self.model.lm_head.parameters())
        return chunked(score, states.flatten(0, 1)[rows], head, self.spans(len(rows)))[0]
