"""The arithmetic that a step needs, and the share of it that a GPU could have done: MFU.

A product of a row with a matrix of N weights takes 2N operations. Counted are the products of the
forward pass, as much again where gradients pass through to what is trained, and 2 for each trained
weight and row; what gradient checkpointing computes a second time is not counted. Attention takes
4·T²·width for T rows that all see each other and half of that where they see what is before them.
(Chowdhery et al. 2022, PaLM, appendix B, with causal attention at its true half and frozen weights
left out of what is not computed for them.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from transformers import Qwen3VLForConditionalGeneration

from mlcore.chat.render import UNSUPERVISED, TrainingExample
from mlcore.models.groups import group_of

Part = Literal["llm", "head", "aligner", "vit", "pixels"]
PEAKS: dict[str, float] = {
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "H800": 989e12,
    "H20": 148e12,
    "B200": 2250e12,
    "GH200": 989e12,
    "A100": 312e12,
    "A800": 312e12,
    "A40": 149.7e12,
    "A30": 165e12,
    "A10G": 70e12,
    "A10": 125e12,
    "L40S": 362e12,
    "L40": 181e12,
    "L4": 121e12,
    "RTX 4090": 165.2e12,
    "RTX 3090": 71e12,
}
"""dense operations a second in bfloat16 with float32 sums, of the makers' data sheets"""


def peak_of(device: str) -> float | None:
    """The peak of a GPU by its name, the longest name that it holds; None where none is known."""
    words = f" {device.replace('-', ' ')} "
    found = [name for name in PEAKS if f" {name} " in words]
    return PEAKS[max(found, key=len)] if found else None


@dataclass(frozen=True)
class Shape:
    """Weights in products by part, and the widths of attention.

    `llm` weights see every token, `head` those with a label, `pixels` (the first product of the
    vision tower) and `vit` every patch, `aligner` every `merge` x `merge` patches. A width is
    heads times head size, summed over the layers. `trained` has, by part, how many of its weights
    in products learn.
    """

    weights: Mapping[Part, int]
    trained: Mapping[Part, int]
    llm_width: int
    vit_width: int
    merge: int

    @classmethod
    def of(cls, model: Qwen3VLForConditionalGeneration) -> Shape:
        """The shape of a model as it stands: adapters and what is frozen included."""
        weights = dict.fromkeys(get_args(Part), 0)
        trained = dict(weights)
        for name, parameter in model.named_parameters(remove_duplicate=False):
            part = _part(name)
            if part is not None and parameter.ndim > 1:
                weights[part] += parameter.numel()
                trained[part] += parameter.numel() if parameter.requires_grad else 0
        text, vision = model.config.text_config, model.config.vision_config
        return cls(
            weights,
            trained,
            llm_width=text.num_hidden_layers * text.num_attention_heads * text.head_dim,
            vit_width=vision.depth * vision.hidden_size,
            merge=vision.spatial_merge_size,
        )

    def flops(self, example: TrainingExample) -> float:
        """Operations of learning from one sample."""
        length = len(example)
        grid = example.image_grid_thw
        patches = int(grid.prod(1).sum())
        pairs = int((grid[:, 0] * (grid[:, 1] * grid[:, 2]) ** 2).sum())
        rows: dict[Part, int] = {
            "llm": length,
            "head": int((example.labels != UNSUPERVISED).sum()),
            "aligner": patches // self.merge**2,
            "vit": patches,
            "pixels": patches,
        }
        looking: dict[Part, int] = {
            "llm": 2 * self.llm_width * length**2,
            "vit": 4 * self.vit_width * pairs,
        }
        total = 0
        for part, count in rows.items():
            passes = self._passes(part)
            total += 2 * self.weights[part] * count * (1 + passes)
            total += 2 * self.trained[part] * count
            total += looking.get(part, 0) * (1 + 2 * passes)
        return float(total)

    def _passes(self, part: Part) -> bool:
        """Whether gradients pass through a part: it or what feeds it learns. Pixels never do."""
        before: dict[Part, tuple[Part, ...]] = {
            "pixels": (),
            "vit": ("pixels", "vit"),
            "aligner": ("pixels", "vit", "aligner"),
        }
        return part not in before or any(self.trained[one] for one in before[part])


def _part(name: str) -> Part | None:
    """The part whose products a parameter is in; tables that are looked up are in none."""
    words = name.split(".")
    if "lm_head" in words:
        return "head"
    if "patch_embed" in words:
        return "pixels"
    if "embed_tokens" in words or "pos_embed" in words:
        return None
    group = group_of(name)
    return None if group == "offset" else group
