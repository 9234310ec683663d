"""Looking at held-out images while training: figures and a few samples to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

import torch
from transformers import Qwen3VLForConditionalGeneration
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor

from mlcore.chat.generate import Generated, generate_batch
from mlcore.chat.render import Renderer
from mlcore.contract.reader import Dataset
from mlcore.contract.records import Record
from mlcore.evaluate import quick
from mlcore.predict.said import Said, said
from mlcore.predict.samples import emit_sample
from mlcore.run.context import RunContext
from mlcore.train.config import EvaluationConfig
from mlcore.train.prepare import Prepared

BATCH = 32
"""images answered together"""


@dataclass(frozen=True)
class View:
    """One held-out image: as it is in its dataset, never augmented."""

    label: str
    dataset: Dataset
    record: Record
    renderer: Renderer


def views_of(prepared: Prepared, count: int) -> list[View]:
    """The first `count` held-out images, always the same ones; several targets take turns."""
    rows = [
        [View(m.config.name, m.dataset, record, feed.renderer) for record in m.val]
        for m, feed in zip(prepared.data.members, prepared.source.feeds, strict=True)
        if "dense" in m.config.modes
    ]
    turns = chain.from_iterable(zip_longest(*rows))
    return list(islice((view for view in turns if view is not None), count))


@dataclass(frozen=True)
class Looks:
    """Held-out images of the targets, answered greedily."""

    config: EvaluationConfig
    views: Sequence[View]
    processor: Qwen3VLProcessor

    def look(
        self, ctx: RunContext, model: Qwen3VLForConditionalGeneration, step: int
    ) -> dict[str, float]:
        """Emit samples and return `eval/parse_rate` and `eval/f1_50`, of several targets also for
        each by its name. Changes no random state."""
        if not self.views:
            return {}
        answers = self._answers(model)
        shown = list(zip(self.views, answers, strict=True))[: self.config.samples]
        for view, answer in shown:
            answered = view.renderer.messages.answer
            emit_sample(ctx, view.dataset, view.record, answer, step=step, format=answered)
        figures = {f"eval/{k}": v for k, v in self._figures(answers, None).items()}
        labels = list(dict.fromkeys(view.label for view in self.views))
        for label in labels if len(labels) > 1 else []:
            figures |= {f"eval/{k}/{label}": v for k, v in self._figures(answers, label).items()}
        return figures

    def _answers(self, model: Qwen3VLForConditionalGeneration) -> list[Said]:
        model.train(mode=False)
        answers: list[Generated] = []
        with torch.inference_mode():
            for start in range(0, len(self.views), BATCH):
                prompts = [
                    view.renderer.prompt_example(view.record, view.dataset.folder, "dense")
                    for view in self.views[start : start + BATCH]
                ]
                answers += generate_batch(
                    model, self.processor, prompts, self.config.max_new_tokens
                )
        model.train()
        return [
            said(
                answer,
                view.record,
                "dense",
                view.renderer.messages.prefix("dense", view.dataset.name),
                view.renderer.messages.answer,
                self.processor.tokenizer,
            )
            for view, answer in zip(self.views, answers, strict=True)
        ]

    def _figures(self, answers: Sequence[Said], label: str | None) -> dict[str, float]:
        pairs = [
            (view.record, answer.text)
            for view, answer in zip(self.views, answers, strict=True)
            if label in (None, view.label)
        ]
        answered = self.views[0].renderer.messages.answer
        return quick([record for record, _ in pairs], [text for _, text in pairs], answered)
