"""The checkpoint to start from: its architecture, every tensor, its processor."""

from __future__ import annotations

from mlcore.models.processor import read_processor
from mlcore.preflight.result import Result
from mlcore.preflight.scene import Scene

HINT = "The folder is not whole: copy it anew, or take another checkpoint."


def check(scene: Scene) -> Result:
    """BLOCK on missing or misshapen tensors and on a tokenizer larger than the embedding."""
    weights = scene.weights
    lacking = [n for n in weights.wanted if n not in weights.stored and n not in weights.tied]
    misshapen = [
        name
        for name, shape in weights.stored.items()
        if name in weights.wanted and weights.wanted[name] != shape
    ]
    foreign = [name for name in weights.stored if name not in weights.wanted]
    processor = read_processor(scene.start)
    patch = processor.image_processor
    vision = weights.config.vision_config
    figures = {
        "parameters": weights.parameters,
        "tensors": len(weights.stored),
        "missing": len(lacking),
        "misshapen": len(misshapen),
        "unexpected": len(foreign),
        "vocabulary": int(weights.config.text_config.vocab_size),
        "tokens": len(processor.tokenizer),
    }
    message = f"{weights.parameters:,} parameters in {len(weights.stored)} tensors"
    if lacking or misshapen:
        first = [*lacking, *misshapen][0]
        said = f"{len(lacking)} tensors are missing and {len(misshapen)} misshapen: {first}"
        return Result("checkpoint", "BLOCK", said, figures, HINT)
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
    return Result("checkpoint", "PASS", message, figures)
