"""Answers that are made while training, for the teacher to judge.

Whether a step has them is a pure function of (seed, step). What a student says is drawn by numbers
of the sample's own, so neither the micro-batch nor the number of ranks changes it, and the ids
that a model chose are used as they are: text is never encoded again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mlcore.chat.generate import Generated
from mlcore.chat.render import UNSUPERVISED, Span, TrainingExample
from mlcore.randomness import sample_rng
from mlcore.train.config.distill import DistillConfig

Author = Literal["truth", "student", "teacher"]
"""whose answers the teacher's words are compared on"""
MADE = ("made", "made_tokens", "made_empty", "made_unfinished")
"""counters of made answers: all, their tokens, those without a word, and those that were cut"""


def author_of(config: DistillConfig, seed: int, step: int) -> Author:
    """Whose answers step `step` (from 0) compares words on.

    The student's in a share `lmbda` of the steps, drawn anew for each; in the others the
    teacher's with `seq_kd`, and the true ones without.
    """
    if config.lmbda > 0 and sample_rng(seed, step, "", "distill.author").random() < config.lmbda:
        return "student"
    return "teacher" if config.seq_kd else "truth"


def prompt_of(example: TrainingExample) -> TrainingExample:
    """A rendered sample without its last answer: what a model is asked for it."""
    stop = example.prompt_length
    return replace(
        example,
        input_ids=example.input_ids[:stop],
        labels=np.full(stop, UNSUPERVISED, np.int64),
        position_ids=example.position_ids[:, :stop],
        spans=(),
    )


@dataclass(frozen=True)
class Made:
    """Answers that were made for the samples of a batch, rendered, and what happened to them."""

    examples: list[TrainingExample]
    counted: dict[str, int]


def with_answers(
    prompts: Sequence[TrainingExample], answers: Sequence[Generated], closing: int, limit: int
) -> Made:
    """Prompts with the answers that a model gave, every token of them supervised.

    `closing` is the token that ends an answer; it is supervised where the model said it. A sample
    never grows over `limit` tokens: what is beyond is cut, and the answer counts as unfinished.
    An answer of the closing token alone is one supervised token; a prompt that leaves no room
    gives none.
    """
    counted = dict.fromkeys(MADE, 0)
    examples = []
    for prompt, answer in zip(prompts, answers, strict=True):
        whole = [*answer.token_ids, *([closing] if answer.finished else [])]
        kept = whole[: max(0, limit - len(prompt))]
        examples.append(_continued(prompt, kept))
        counted["made"] += 1
        counted["made_tokens"] += len(kept)
        counted["made_empty"] += not answer.token_ids
        counted["made_unfinished"] += not answer.finished or len(kept) < len(whole)
    return Made(examples, counted)


def _continued(prompt: TrainingExample, answer: Sequence[int]) -> TrainingExample:
    """The prompt and token ids after it, at the positions that follow its last token's."""
    start, size = len(prompt), len(answer)
    after = np.arange(1, size + 1)
    ids = np.asarray(answer, dtype=np.int64)
    return replace(
        prompt,
        input_ids=np.concatenate([prompt.input_ids, ids]),
        labels=np.concatenate([prompt.labels, ids]),
        position_ids=np.concatenate(
            [prompt.position_ids, prompt.position_ids[:, -1:] + after], axis=1
        ),
        spans=(Span("text", start, start + size),) if size else (),
        prompt_length=start,
    )
