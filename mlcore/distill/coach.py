"""A rank's teacher, and the answers that are made for it to judge."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from transformers import Qwen3VLForConditionalGeneration

from mlcore.chat.collate import ModelBatch, pad_right
from mlcore.chat.generate import GREEDY, Sampling, generate_batch
from mlcore.chat.kit import RenderKit
from mlcore.distill.answers import MADE, author_of, prompt_of, with_answers
from mlcore.distill.lessons import Lessons
from mlcore.distill.teacher import Teacher
from mlcore.models.forward import evaluating
from mlcore.train.config.distill import DistillConfig
from mlcore.train.source import Sample


@dataclass(frozen=True)
class Limits:
    """The longest sample in tokens, and the most answers that are made together."""

    length: int
    batch: int


class Coach:
    """The teacher of one rank's student."""

    def __init__(
        self,
        config: DistillConfig,
        teacher: Teacher,
        kit: RenderKit,
        seed: int,
        limits: Limits,
    ) -> None:
        self.config = config
        self.teacher = teacher
        self._ids = kit.ids
        self._merge = kit.patcher.merge_size
        self._seed, self._limits = seed, limits
        sampling = config.sampling
        self._sampling = Sampling(
            sampling.temperature, sampling.top_p, sampling.repetition_penalty, seed
        )

    @property
    def identity(self) -> str:
        """Names who teaches, and how."""
        text = f"{self.config.model_dump_json(exclude={'teacher'})}/{self.teacher.digest}"
        return hashlib.sha256(text.encode()).hexdigest()

    def lessons(
        self,
        student: Callable[[], AbstractContextManager[Qwen3VLForConditionalGeneration]],
        step: int,
        parts: Sequence[Sequence[Sample]],
        batches: Sequence[ModelBatch],
    ) -> Lessons:
        """What step `step` (from 0) learns: makes the answers that it needs.

        `student` gives it whole, to answer on this rank alone; every rank asks for it in the same
        steps. `parts` are the samples of each of `batches`, which are on the CPU.
        """
        author = author_of(self.config, self._seed, step)
        if author == "truth":
            lessons = self.examination()
            for batch in batches:
                lessons.note(batch)
            return lessons
        counted = dict.fromkeys(MADE, 0)
        made = []
        speaks = student() if author == "student" else nullcontext(self.teacher.model)
        sampling = self._sampling if author == "student" else GREEDY
        with speaks as speaker, evaluating(speaker):
            for part in parts:
                batch, happened = self._answered(speaker, part, sampling)
                made.append(batch)
                counted = {name: counted[name] + happened[name] for name in MADE}
        return Lessons(self.config, self.teacher, self._merge, made, counted)

    def examination(self) -> Lessons:
        """Lessons on true answers, of batches that are yet to be noted."""
        return Lessons(self.config, self.teacher, self._merge)

    def _answered(
        self,
        speaker: Qwen3VLForConditionalGeneration,
        part: Sequence[Sample],
        sampling: Sampling,
    ) -> tuple[ModelBatch, dict[str, int]]:
        prompts = [prompt_of(sample.example) for sample in part]
        draws = [sample.draw.visit for sample in part]
        answers = []
        for start in range(0, len(prompts), self._limits.batch):
            chosen = slice(start, start + self._limits.batch)
            answers += generate_batch(
                speaker,
                self.teacher.processor,
                prompts[chosen],
                self.config.max_completion_length,
                sampling,
                draws=draws[chosen],
            )
        made = with_answers(prompts, answers, self._ids.im_end, self._limits.length)
        return pad_right(made.examples, self._ids.pad), made.counted
