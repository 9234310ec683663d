"""A checkpoint in this process writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from mlcore.chat.generate import Generated, Sampling
from mlcore.chat.kit import RenderKit
from mlcore.chat.messages import Conversation
from mlcore.chat.patient import Patient
from mlcore.chat.render import Renderer, TrainingExample
from mlcore.models.device import DTYPES, pick_device
from mlcore.models.load import load_processor
from mlcore.run.events import EventWriter
from mlcore.run.hashing import tree_digest, tree_entries
from mlcore.stage_b.backends.config import ModelBackend
from mlcore.stage_b.backends.protocol import Question, Reply, cut_at_stop
from mlcore.stage_b.ticket import Decode
from mlcore.tuning.opened import open_model


class ModelWriter:
    """Answers prompts in batches of like length; a batch that fails is tried one by one.

    `seed` is the run's; a decode's own seed goes before it. A prompt of more than
    `max_prompt_tokens` is not answered.
    """

    def __init__(
        self,
        config: ModelBackend,
        folder: Path,
        adapter: Path | None,
        *,
        seed: int,
        max_prompt_tokens: int,
        events: EventWriter,
    ) -> None:
        torch.set_num_threads(config.threads)
        self._renderer = Renderer(RenderKit.from_folder(folder))
        device = pick_device(config.device)
        model = open_model(folder, adapter, DTYPES[config.dtype], device, events.warning)
        self._patient = Patient(model, load_processor(folder), events.warning)
        self._batch, self._seed = config.batch_size, seed
        self._limit = max_prompt_tokens
        self.model_digest: str | None = tree_digest(tree_entries(adapter or folder))
        self.about: Mapping[str, Any] = {
            "type": "model",
            "model_digest": self.model_digest,
            "dtype": config.dtype,
            "max_prompt_tokens": max_prompt_tokens,
        }

    def answer(self, questions: Sequence[Question], decode: Decode) -> list[Reply]:
        prompts = [self._prompt(question) for question in questions]
        replies = [
            Reply(None, f"a prompt of {len(p)} tokens, most is {self._limit}", len(p))
            for p in prompts
        ]
        fitting = [i for i, prompt in enumerate(prompts) if len(prompt) <= self._limit]
        fitting.sort(key=lambda i: (len(prompts[i]), i))
        for start in range(0, len(fitting), self._batch):
            part = fitting[start : start + self._batch]
            said = self._generate([(prompts[i], questions[i].draw) for i in part], decode)
            for i, generated in zip(part, said, strict=True):
                replies[i] = Reply(
                    cut_at_stop(generated.text, decode.stop),
                    prompt_tokens=len(prompts[i]),
                    new_tokens=generated.new_tokens,
                    finished=generated.finished,
                )
        return replies

    def _prompt(self, question: Question) -> TrainingExample:
        return self._renderer.conversation_example(
            Conversation(question.name, question.turns), None
        )

    def _generate(
        self, asked: Sequence[tuple[TrainingExample, int]], decode: Decode
    ) -> list[Generated]:
        sampling = Sampling(
            decode.temperature,
            decode.top_p,
            decode.repetition_penalty,
            self._seed if decode.seed is None else decode.seed,
            decode.no_repeat_ngram_size or 0,
        )
        return self._patient.answers(
            [prompt for prompt, _ in asked],
            decode.max_new_tokens,
            sampling,
            draws=[draw for _, draw in asked],
        )
