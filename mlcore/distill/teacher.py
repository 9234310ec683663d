"""A frozen model that is asked what it would say and what it sees. It never learns or moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import Qwen3VLForConditionalGeneration
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor

from mlcore.chat.collate import ModelBatch
from mlcore.distill.features import Seen, tapped, vision_tower
from mlcore.models.forward import hidden_states, lm_logits
from mlcore.models.load import load_model, load_processor
from mlcore.run.hashing import tree_digest, tree_entries


@dataclass(frozen=True)
class Lesson:
    """What a teacher made of a batch: its final states [B * L, D], None where only its eyes are
    asked, and its vision features, empty for a batch without images."""

    states: torch.Tensor | None
    features: Seen


class Teacher:
    """Asks a model without keeping any history. Not a module, so no weight of it can be saved,
    counted or trained with the student's. `digest` names its content."""

    def __init__(
        self,
        model: Qwen3VLForConditionalGeneration,
        processor: Qwen3VLProcessor,
        digest: str = "",
    ) -> None:
        self.model = model
        self.processor = processor
        self.digest = digest
        nn.Module.requires_grad_(model, requires_grad=False)
        model.train(mode=False)

    def read(self, batch: ModelBatch, targets: Sequence[str]) -> Lesson:
        """What it would say at every position of a batch, and what it sees.

        Its logits are left for `logits`, position by position: together they would be by far the
        largest tensor of the step.
        """
        with torch.inference_mode(), tapped(self.model, targets, batch.pixel_values) as seen:
            states = hidden_states(
                self.model,
                batch.input_ids,
                batch.position_ids,
                batch.pixel_values,
                batch.image_grid_thw,
            ).flatten(0, 1)
        return Lesson(states, _kept(seen))

    def look(self, batch: ModelBatch, targets: Sequence[str]) -> Lesson:
        """What it sees alone: the language model is not run."""
        if batch.pixel_values is None:
            return Lesson(None, {})
        tower = vision_tower(self.model)
        with torch.inference_mode(), tapped(self.model, targets, batch.pixel_values) as seen:
            tower(batch.pixel_values.to(tower.dtype), grid_thw=batch.image_grid_thw)
        return Lesson(None, _kept(seen))

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """What it says, [N, V], of its states at N positions."""
        with torch.no_grad():
            return lm_logits(self.model, states)


def load_teacher(folder: Path, dtype: torch.dtype, attention: str, device: torch.device) -> Teacher:
    """The teacher of a checkpoint folder that agrees with the student's. `attention` is how it is
    computed, by the library's name."""
    model = load_model(folder, dtype, attention)
    nn.Module.to(model, device)
    return Teacher(model, load_processor(folder), tree_digest(tree_entries(folder)))


def _kept(seen: Seen) -> Seen:
    """Features as ordinary tensors: a backward pass may not keep one of inference mode."""
    return {name: [value.clone() for value in values] for name, values in seen.items()}
