"""The parts of Qwen3-VL that are trained and frozen by name.

`vit` is the vision tower, `aligner` the merger and the deepstack mergers that stand inside it,
`llm` the language model with embeddings and head, `offset` the coordinate rows of embeddings and
head where an adapter trains them apart from everything else.
"""

from __future__ import annotations

from typing import Literal, get_args

Group = Literal["llm", "vit", "aligner", "offset"]
GROUPS: tuple[Group, ...] = get_args(Group)
_ALIGNER = ("merger", "deepstack_merger_list")
OFFSET = "trainable_tokens_delta"
"""the word in the names of parameters that are rows of single tokens"""


def group_of(name: str) -> Group:
    """The group of a parameter or module by its dotted name, whatever a wrapper put before it.

    The aligner's names begin like the vision tower's, so they are asked for first. Raises
    ValueError for a name of no part.
    """
    parts = name.split(".")
    if OFFSET in parts:
        return "offset"
    if "visual" in parts:
        inside = parts[parts.index("visual") + 1 :]
        return "aligner" if inside and inside[0] in _ALIGNER else "vit"
    if "language_model" in parts or "lm_head" in parts:
        return "llm"
    raise ValueError(f"{name} belongs to no part of Qwen3-VL")
