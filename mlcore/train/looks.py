"""Looking at held-out images while training: figures and a few samples to see."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, islice, zip_longest

from transformers import Qwen3VLForConditionalGeneration
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor

from mlcore.chat.generate import Generated, generate_batch
from mlcore.chat.prompts import Mode
from mlcore.chat.render import Renderer
from mlcore.contract.reader import Dataset
from mlcore.contract.records import Record
from mlcore.evaluate.look import Look, Seen
from mlcore.evaluate.summary import SummaryRow, summary_row
from mlcore.models.forward import evaluating
from mlcore.predict.said import Said, said
from mlcore.predict.samples import emit_sample
from mlcore.run.context import RunContext
from mlcore.train.config import EvaluationConfig
from mlcore.train.engine import Engine
from mlcore.train.prepare import Prepared

BATCH = 32
"""answers written together"""
Question = tuple[str, str, Mode]
"""the name of a dataset, the id of a record of it, and what is asked"""


@dataclass(frozen=True)
class View:
    """One held-out image, as it is in its dataset and never augmented, and what is asked of it."""

    label: str
    dataset: Dataset
    record: Record
    renderer: Renderer
    modes: tuple[Mode, ...]

    def question(self, mode: Mode) -> Question:
        """Names what is asked, among everything that a look asks."""
        return self.label, self.record.id, mode

    def read(self, answer: Said, mode: Mode, look: Look) -> Seen | SummaryRow:
        """What an answer to it is worth."""
        if mode == "summary":
            return summary_row(self.record.id, self.record.summary or "", answer.text)
        sure = answer.confidences
        return look.read_dense(
            self.record, answer.text, None if sure is None else [c.mean for c in sure]
        )


def views_of(prepared: Prepared, count: int) -> list[View]:
    """The first `count` held-out images, always the same ones; several targets take turns.

    Each is asked for every task that its target teaches, a summary where it has a true one.
    """
    rows = [
        [
            View(m.config.name, m.dataset, record, feed.renderer, _modes(m.config.modes, record))
            for record in m.val
        ]
        for m, feed in zip(prepared.data.members, prepared.source.feeds, strict=True)
    ]
    turns = chain.from_iterable(zip_longest(*rows))
    return list(islice((view for view in turns if view is not None and view.modes), count))


def _modes(taught: Sequence[Mode], record: Record) -> tuple[Mode, ...]:
    return tuple(mode for mode in taught if mode == "dense" or record.summary)


@dataclass(frozen=True)
class Looks:
    """Held-out images of the targets, answered greedily. Every rank has the same ones, answers its
    share of them and hears the others' answers; rank 0 reads them all."""

    config: EvaluationConfig
    views: Sequence[View]
    processor: Qwen3VLProcessor
    engine: Engine

    def look(
        self, ctx: RunContext, model: Qwen3VLForConditionalGeneration, step: int
    ) -> dict[str, float]:
        """Emit samples and return figures under `eval/`, of several targets also for each by its
        name; nothing on other ranks than 0. `model` can be run by a rank alone. Greedy answers: no
        random state is read or changed."""
        if not self.views:
            return {}
        with evaluating(model):
            mine = self._answers(model)
        heard = self.engine.all_texts(json.dumps([(k, asdict(a)) for k, a in mine.items()]))
        if self.engine.rank != 0:
            return {}
        return self._read(ctx, {k: a for text in heard for k, a in _answers_in(text)}, step)

    def _read(
        self, ctx: RunContext, answers: Mapping[Question, Generated], step: int
    ) -> dict[str, float]:
        dense = [view for view in self.views if "dense" in view.modes]
        answered = (dense or self.views)[0].renderer.messages.answer
        labels = list(dict.fromkeys(view.label for view in self.views))
        whole, parts = Look(answered), {label: Look(answered) for label in labels}
        shown = 0
        for view, mode in self._asked():
            answer = self._said(view, mode, answers[view.question(mode)])
            seen = view.read(answer, mode, whole)
            whole.add(seen)
            parts[view.label].add(seen)
            if isinstance(seen, Seen) and shown < self.config.samples:
                shown += 1
                emit_sample(
                    ctx, view.dataset, view.record, answer,
                    step=step, format=answered, marks=seen.marks,
                )  # fmt: skip
        figures = {f"eval/{name}": value for name, value in whole.figures().items()}
        for label, part in parts.items() if len(parts) > 1 else ():
            figures |= {f"eval/{name}/{label}": v for name, v in part.figures().items()}
        return figures

    def _asked(self) -> list[tuple[View, Mode]]:
        """Every question, dense ones first: answers of one task are about as long as each other."""
        modes: tuple[Mode, ...] = ("dense", "summary")
        return [(view, mode) for mode in modes for view in self.views if mode in view.modes]

    def _answers(self, model: Qwen3VLForConditionalGeneration) -> dict[Question, Generated]:
        """The answers of this rank."""
        mine = self._asked()[self.engine.rank :: self.engine.world]
        found: dict[Question, Generated] = {}
        for start in range(0, len(mine), BATCH):
            batch = mine[start : start + BATCH]
            prompts = [
                view.renderer.prompt_example(view.record, view.dataset.folder, mode)
                for view, mode in batch
            ]
            answers = generate_batch(model, self.processor, prompts, self.config.max_new_tokens)
            questions = (view.question(mode) for view, mode in batch)
            found |= zip(questions, answers, strict=True)
        return found

    def _said(self, view: View, mode: Mode, answer: Generated) -> Said:
        messages = view.renderer.messages
        prefix = messages.prefix(mode, view.dataset.name)
        return said(answer, view.record, mode, prefix, messages.answer, self.processor.tokenizer)


def _answers_in(text: str) -> Iterator[tuple[Question, Generated]]:
    """What another rank said."""
    for (label, record, mode), raw in json.loads(text):
        tuples = {name: tuple(raw[name]) for name in ("token_ids", "logprobs")}
        yield (label, record, mode), Generated(**{**raw, **tuples})
