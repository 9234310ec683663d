"""Looking at held-out images while training: figures and a few samples to see."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import Qwen3VLForConditionalGeneration
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor

from mlcore.chat.generate import generate_batch
from mlcore.chat.render import Renderer
from mlcore.contract.reader import Dataset
from mlcore.contract.records import Record
from mlcore.evaluate import quick
from mlcore.predict.samples import emit_sample
from mlcore.run.context import RunContext
from mlcore.train.config import EvaluationConfig

BATCH = 32
"""images answered together"""


@dataclass(frozen=True)
class Looks:
    """The first images of the validation split, always the same ones, answered greedily."""

    config: EvaluationConfig
    dataset: Dataset
    records: list[Record]
    renderer: Renderer
    processor: Qwen3VLProcessor

    def look(
        self, ctx: RunContext, model: Qwen3VLForConditionalGeneration, step: int
    ) -> dict[str, float]:
        """Emit samples and return `eval/parse_rate` and `eval/f1_50`. Changes no random state."""
        records = self.records[: self.config.images]
        if not records:
            return {}
        model.train(mode=False)
        answers = []
        with torch.inference_mode():
            for start in range(0, len(records), BATCH):
                prompts = [
                    self.renderer.prompt_example(record, self.dataset.folder, "dense")
                    for record in records[start : start + BATCH]
                ]
                answers += generate_batch(
                    model, self.processor, prompts, self.config.max_new_tokens
                )
        model.train()
        shown = list(zip(records, answers, strict=True))[: self.config.samples]
        for record, answer in shown:
            emit_sample(ctx, self.dataset, record, answer, step=step)
        figures = quick(records, [answer.text for answer in answers])
        return {f"eval/{name}": value for name, value in figures.items()}
