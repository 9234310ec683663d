"""The checkpoint to start from: its architecture, every tensor by the header of its file, held
against the model that config.json asks for, and its processor and tokenizer, which are loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mlcore.models.processor import read_processor
from mlcore.preflight.result import Result
from mlcore.preflight.scene import Scene
from mlcore.preflight.weights import NUMBERS, Weights

SHOWN = 3
"""names of each fault"""
FOREIGN = (
    "Weights of something else lie in the folder: an adapter that was not merged, or tensors of "
    "another version. Look at them before you start."
)
HINT = "The folder is not whole: copy it anew, or take another checkpoint."


def check(scene: Scene) -> Result:
    """BLOCK on tensors that are missing, misshapen or no floating numbers, and on a tokenizer
    larger than the embedding; WARN on tensors that the model has no place for."""
    weights = scene.weights
    faults = {
        "missing": weights.missing,
        "misshapen": weights.misshapen,
        "no floating numbers": weights.no_numbers,
    }
    processor = read_processor(scene.start)
    patch = processor.image_processor
    vision = weights.config.vision_config
    figures = {
        "parameters": weights.parameters,
        "tensors": len(weights.stored),
        "missing": len(weights.missing),
        "misshapen": len(weights.misshapen),
        "unexpected": len(weights.unexpected),
        **_kinds(weights),
        "vocabulary": int(weights.config.text_config.vocab_size),
        "tokens": len(processor.tokenizer),
    }
    kinds = " and ".join(_kinds(weights))
    message = f"{weights.parameters:,} parameters in {len(weights.stored)} tensors of {kinds}"
    if any(faults.values()):
        said = "; ".join(_named(names, what) for what, names in faults.items() if names)
        return Result("checkpoint", "BLOCK", f"tensors are {said}", figures, HINT)
    if figures["tokens"] > figures["vocabulary"]:
        said = f"the tokenizer has {figures['tokens']} tokens, the model {figures['vocabulary']}"
        return Result("checkpoint", "BLOCK", said, figures, HINT)
    sides = (patch.patch_size, patch.merge_size)
    if sides != (vision.patch_size, vision.spatial_merge_size):
        said = (
            f"images are cut into patches of {sides[0]} px merged by {sides[1]}, the model wants "
            f"{vision.patch_size} and {vision.spatial_merge_size}"
        )
        return Result("checkpoint", "BLOCK", said, figures, HINT)
    if weights.unexpected:
        said = f"tensors are {_named(weights.unexpected, 'unexpected')}; they would be left out"
        return Result("checkpoint", "WARN", said, figures, FOREIGN)
    return Result("checkpoint", "PASS", message, figures)


def _named(names: Sequence[str], what: str) -> str:
    """How many there are and the first few."""
    more = ", ..." if len(names) > SHOWN else ""
    return f"{what} ({len(names)}): {', '.join(names[:SHOWN])}{more}"


def _kinds(weights: Weights) -> dict[str, int]:
    """How many tensors are stored in each kind of numbers."""
    counts = Counter(tensor.numbers for tensor in weights.stored.values())
    return {NUMBERS.get(kind, kind): count for kind, count in sorted(counts.items())}
