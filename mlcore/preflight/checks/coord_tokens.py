"""Coordinate tokens, which CoordJSON answers and the soft loss of coordinates need."""

from __future__ import annotations

from mlcore.preflight.result import Result
from mlcore.preflight.scene import Scene


def check(scene: Scene) -> Result:
    """PASS when there are 1000 of them in the model's vocabulary.

    Raises DataError when the tokenizer lacks one.
    """
    ids = scene.prepared.kit.coord_ids
    size = int(scene.weights.config.text_config.vocab_size)
    figures = {"tokens": len(ids), "vocabulary": size}
    if max(ids) >= size:
        said = f"the token of id {max(ids)} is outside the model's vocabulary of {size}"
        return Result("coord_tokens", "BLOCK", said, figures, "Use the model's own tokenizer.")
    return Result("coord_tokens", "PASS", f"{len(ids)} coordinate tokens", figures)
