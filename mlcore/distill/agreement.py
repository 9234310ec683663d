"""What teacher and student must have in common, checked before the first step.

Both read the same token ids and the same patches, and their logits are compared token by token,
so the teacher's vocabulary, coordinates and image settings must be the student's own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path

from torch import nn
from transformers import Qwen3VLConfig

from mlcore.chat.kit import RenderKit
from mlcore.distill.features import require_same_shapes
from mlcore.errors import ConfigError
from mlcore.models.groups import Group, group_of
from mlcore.models.tokens import coord_token
from mlcore.train.config.distill import DistillConfig

_HINT = "A teacher must have been trained from the same checkpoint family as the student."


def require_agreement(config: DistillConfig, student: Path, teacher: Path) -> None:
    """Compares two checkpoint folders without reading weights.

    Raises ConfigError naming the first token, image setting or shape that differs.
    """
    mine, its = (RenderKit.from_folder(folder) for folder in (student, teacher))
    require_same_words(mine, its)
    require_same_images(mine, its)
    sizes: list[Qwen3VLConfig] = [
        Qwen3VLConfig.from_pretrained(folder, local_files_only=True)
        for folder in (student, teacher)
    ]
    require_same_head(sizes[0], sizes[1], its.source)
    require_same_shapes(sizes[0], sizes[1], config.features)


def require_same_words(student: RenderKit, teacher: RenderKit) -> None:
    """Raises ConfigError naming the first token, by id, that is not the same in both."""
    for bin_, (mine, its) in enumerate(zip(student.coord_ids, teacher.coord_ids, strict=True)):
        if mine != its:
            raise _other_words(f"the token {coord_token(bin_)} is", mine, its, teacher.source)
    mine_by_id, its_by_id = _by_id(student.vocabulary), _by_id(teacher.vocabulary)
    for id_ in sorted({*mine_by_id, *its_by_id}):
        if mine_by_id.get(id_) != its_by_id.get(id_):
            a, b = (_word(found, id_) for found in (mine_by_id, its_by_id))
            raise _other_words(f"id {id_} is", a, b, teacher.source)


def require_same_head(student: Qwen3VLConfig, teacher: Qwen3VLConfig, source: str) -> None:
    """Raises ConfigError when the two models tell probabilities of a different number of ids."""
    mine, its = (int(config.text_config.vocab_size) for config in (student, teacher))
    if mine != its:
        raise _other_words("the number of logits is", mine, its, source)


def require_same_images(student: RenderKit, teacher: RenderKit) -> None:
    """Raises ConfigError naming the first image setting that is not the same in both."""
    mine, its = (asdict(kit.patcher.settings) for kit in (student, teacher))
    for name, value in mine.items():
        if value != its[name]:
            raise ConfigError(
                f"teacher and student see images differently: {name} is {value} for the student "
                f"and {its[name]} for the teacher",
                hint=_HINT,
                where=teacher.source,
            )


def require_learning(model: nn.Module, targets: Collection[str]) -> None:
    """Raises ConfigError for a vision target that no trained weight has a part in."""
    learning = {group_of(name) for name, p in model.named_parameters() if p.requires_grad}
    for target in targets:
        makers: set[Group] = {"vit"} if target == "vit" else {"vit", "aligner"}
        if not makers & learning:
            raise ConfigError(
                f"the features of {target} are held to the teacher's, but nothing that makes them "
                f"is trained",
                hint=f"Train one of {', '.join(sorted(makers))}, or leave this target out.",
                where=f"distill.vision.{target}",
            )


def _by_id(vocabulary: Mapping[str, int]) -> dict[int, str]:
    return {id_: word for word, id_ in vocabulary.items()}


def _word(found: Mapping[int, str], id_: int) -> str:
    return repr(found[id_]) if id_ in found else "no token"


def _other_words(what: str, mine: object, its: object, where: str) -> ConfigError:
    return ConfigError(
        f"teacher and student have different vocabularies: {what} {mine} for the student and "
        f"{its} for the teacher",
        hint=_HINT,
        where=where,
    )
