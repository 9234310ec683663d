"""Vision features of a model as they pass by, and how far they are from the teacher's.

    vit        what the vision tower hands to the merger, [patches, width of the tower]
    aligner    what the merger makes of it, [image tokens, width of the language model]
    deepstack  the same of each deepstack merger, the distance being the mean over them

A student's features keep their history, so a gradient reaches whatever made them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import nn
from transformers import Qwen3VLConfig
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLVisionModel

from mlcore.errors import ConfigError, GatehouseError
from mlcore.losses.numbers import wide

Seen = dict[str, list[torch.Tensor]]
"""features by target: one tensor [rows, width], or one for each deepstack merger in their order"""
Shape = tuple[int, int]
"""how many tensors, and their width"""


def vision_tower(model: nn.Module) -> Qwen3VLVisionModel:
    """The vision tower of a model, whatever wraps it. Raises GatehouseError when it has none."""
    for module in model.modules():
        if isinstance(module, Qwen3VLVisionModel):
            return module
    raise GatehouseError("the model has no vision tower of Qwen3-VL")


@contextmanager
def tapped(model: nn.Module, targets: Sequence[str], pixels: torch.Tensor | None) -> Iterator[Seen]:
    """While inside, what passes the targets of a model is kept. `pixels` are those of the batch:
    without any the result stays empty, for the blank image that stands for none is nobody's."""
    seen: Seen = {}

    def keep(name: str, value: torch.Tensor) -> None:
        seen.setdefault(name, []).append(value)

    def before(module: nn.Module, args: tuple[Any, ...]) -> None:
        keep("vit", args[0])

    def after_merger(module: nn.Module, args: Any, out: torch.Tensor) -> None:
        keep("aligner", out)

    def after_deepstack(module: nn.Module, args: Any, out: torch.Tensor) -> None:
        keep("deepstack", out)

    handles = []
    if targets and pixels is not None:
        tower = vision_tower(model)
        if "vit" in targets:
            handles.append(tower.merger.register_forward_pre_hook(before))
        if "aligner" in targets:
            handles.append(tower.merger.register_forward_hook(after_merger))
        if "deepstack" in targets:
            handles += [
                m.register_forward_hook(after_deepstack) for m in tower.deepstack_merger_list
            ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def distances(
    student: Sequence[torch.Tensor],
    teacher: Sequence[torch.Tensor],
    distance: Literal["mse", "cosine"],
) -> torch.Tensor:
    """How far each row is from the teacher's, mean over the tensors, [rows].

    mse is the squared difference, mean over the width; cosine is 1 - cosine of the angle.
    """
    parts = []
    for mine, its in zip(student, teacher, strict=True):
        assert mine.shape == its.shape, (mine.shape, its.shape)
        if distance == "mse":
            parts.append((wide(mine) - wide(its)).square().mean(-1))
        else:
            parts.append(1 - F.cosine_similarity(wide(mine), wide(its), dim=-1))
    return torch.stack(parts).mean(0)


def rows_of(target: str, grids: torch.Tensor | None, merge: int) -> int:
    """How many rows a target's features have: int64 [images, 3] are the grids in patches."""
    patches = 0 if grids is None else int(grids.prod(1).sum())
    return patches if target == "vit" else patches // merge**2


def feature_shapes(config: Qwen3VLConfig) -> dict[str, Shape]:
    """How many tensors each target gives, and how wide they are."""
    vision = config.vision_config
    return {
        "vit": (1, int(vision.hidden_size)),
        "aligner": (1, int(vision.out_hidden_size)),
        "deepstack": (len(vision.deepstack_visual_indexes), int(vision.out_hidden_size)),
    }


def require_same_shapes(
    student: Qwen3VLConfig, teacher: Qwen3VLConfig, targets: Mapping[str, Any] | Sequence[str]
) -> None:
    """Raises ConfigError naming both shapes where a target's features cannot be compared."""
    mine, its = feature_shapes(student), feature_shapes(teacher)
    for target in targets:
        if mine[target] != its[target]:
            raise ConfigError(
                f"the features of {target} cannot be compared: the student has "
                f"{_shape(mine[target])}, the teacher {_shape(its[target])}",
                hint="Choose a teacher whose vision side has the student's widths, or leave this "
                "target out.",
                where=f"distill.vision.{target}",
            )


def _shape(shape: Shape) -> str:
    count, width = shape
    return f"[rows, {width}]" if count == 1 else f"{count} of [rows, {width}]"
