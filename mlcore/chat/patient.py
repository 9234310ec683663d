"""Batches that fail are answered one by one: a batch may need more memory than there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from transformers import Qwen3VLForConditionalGeneration
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor

from mlcore.chat.choose import Listener, Sampling
from mlcore.chat.generate import Generated, generate_batch
from mlcore.chat.render import TrainingExample
from mlcore.errors import OutOfMemoryError
from mlcore.run.classify import classified

Warn = Callable[[str, str], None]
"""hears (code, sentence) of what the run survives"""


class Patient:
    """A model with what its answers depend on besides the prompts."""

    def __init__(
        self,
        model: Qwen3VLForConditionalGeneration,
        processor: Qwen3VLProcessor,
        warn: Warn,
    ) -> None:
        self._model, self._processor, self._warn = model, processor, warn

    def answers(
        self,
        prompts: Sequence[TrainingExample],
        max_new_tokens: int,
        sampling: Sampling,
        *,
        draws: Sequence[int] | None = None,
        listener: Listener | None = None,
    ) -> list[Generated]:
        """As `generate_batch`. Raises OutOfMemoryError naming the first prompt that does not even
        fit alone, and what else the model raises on a single one."""
        found = self.answers_or_not(
            prompts, max_new_tokens, sampling, draws=draws, listener=listener
        )
        for answer in found:
            if isinstance(answer, OutOfMemoryError):
                raise answer
        return [answer for answer in found if isinstance(answer, Generated)]

    def answers_or_not(
        self,
        prompts: Sequence[TrainingExample],
        max_new_tokens: int,
        sampling: Sampling,
        *,
        draws: Sequence[int] | None = None,
        listener: Listener | None = None,
    ) -> list[Generated | OutOfMemoryError]:
        """The same with an error in the place of each prompt that does not even fit alone."""
        try:
            return [
                *generate_batch(
                    self._model,
                    self._processor,
                    prompts,
                    max_new_tokens,
                    sampling,
                    draws=draws,
                    listener=listener,
                )
            ]
        except (RuntimeError, MemoryError) as error:
            if len(prompts) == 1:
                if isinstance(classified(error), OutOfMemoryError):
                    return [_too_large(error, prompts[0])]
                raise
            words = f"a batch of {len(prompts)} failed, going one by one: {error}"
        self._warn("batch_failed", words)
        return [
            self.answers_or_not([prompt], max_new_tokens, sampling, draws=[draw])[0]
            for prompt, draw in zip(prompts, draws or [0] * len(prompts), strict=True)
        ]


def _too_large(error: Exception, prompt: TrainingExample) -> OutOfMemoryError:
    images = " with one image" if len(prompt.images) == 1 else ""
    return OutOfMemoryError(
        f"out of memory on a single prompt of {len(prompt)} tokens{images}: {error}",
        hint="Lower max_new_tokens or the length of prompts, or use a host with more memory.",
        where=prompt.record_id,
    )
