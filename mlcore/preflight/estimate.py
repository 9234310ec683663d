"""How much memory a training step takes, counted from shapes: nothing is run.

    weights      trained parameters x bytes of a master number, the others x bytes of a number
    gradients    trained parameters x bytes of a master number
    turns        BOFT alone: for each adapted weight a permutation [inputs, inputs], with the
                 weights, and the rotation of the same size that its way back needs, with the
                 activations (peft's layer, as autograd was seen to keep it); with gradient
                 checkpointing those of one layer
    optimiser    AdamW keeps two such numbers of each trained parameter, Muon one of a matrix
    activations  tokens x layers x kept numbers of a token and layer, and the same for patches
    logits       rows of the head in one chunk x vocabulary x 4 bytes x 3 (logits, their softmax,
                 its gradient)
    teacher      its parameters x bytes of a number; it never learns
    lesson       what is kept of the teacher's pass while the student learns from it: final states
                 of every token, the features that are matched, and of each chunk of the head six
                 more tensors of the logits' size (the teacher's logits, both logarithms, that of
                 their mixture, and two that are made of them: `mlcore.losses.jsd`). Its own pass
                 comes before the student's and keeps one layer at a time, which is less.

What a layer keeps for the way back follows the counting of Korthikanti et al., "Reducing
Activation Recomputation in Large Transformer Models" (2022), section 4, for the layers at hand:
grouped key and value heads, gated feed-forward, RMS norms that keep their input. With gradient
checkpointing a layer keeps its input alone, and one layer is whole at a time.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

FLOAT32 = 4
LOGIT_COPIES = 3
JUDGED_COPIES = 6
"""tensors [rows, vocabulary] of float32 that comparing words takes beside the student's logits;
counted at the peak of a forward and backward pass"""


@dataclass(frozen=True)
class Work:
    """What one process has in memory at once: tokens and patches of a micro-batch, rows of the
    head, bytes of a number of the arithmetic, the most tokens of one sample, and bytes of a number
    of trained weights, which are that of the arithmetic where it is 0."""

    tokens: int
    patches: int
    head_rows: int
    number: int
    longest: int
    eager: bool = False
    checkpointing: bool = False
    master: int = 0


@dataclass(frozen=True)
class Estimate:
    """Bytes of one process."""

    weights: int
    gradients: int
    optimiser: int
    activations: int
    logits: int
    teacher: int = 0
    lesson: int = 0

    @property
    def fixed(self) -> int:
        """What no smaller batch changes."""
        return self.weights + self.gradients + self.optimiser + self.teacher

    @property
    def total(self) -> int:
        """Everything at the peak."""
        return self.fixed + self.activations + self.logits + self.lesson


def estimate(config: Any, parameters: int, trained: int, matrices: int, work: Work) -> Estimate:
    """The memory of a step of a model with the Qwen3-VL `config`.

    `parameters`, `trained` ones, and those of them in `matrices` that Muon takes.
    """
    text = config.text_config
    per_token = _text_layer(text, work)
    per_patch = _vision_layer(config.vision_config)
    if work.checkpointing:
        text_numbers = work.tokens * (text.num_hidden_layers * text.hidden_size + per_token)
        vision = config.vision_config
        vision_numbers = work.patches * (vision.depth * vision.hidden_size + per_patch)
    else:
        text_numbers = work.tokens * text.num_hidden_layers * per_token
        vision_numbers = work.patches * config.vision_config.depth * per_patch
    master = work.master or work.number
    return Estimate(
        weights=trained * master + (parameters - trained) * work.number,
        gradients=trained * master,
        optimiser=master * (2 * (trained - matrices) + matrices),
        activations=int(text_numbers + vision_numbers) * work.number,
        logits=work.head_rows * text.vocab_size * FLOAT32 * LOGIT_COPIES,
    )


def with_turns(found: Estimate, held: int, kept: int) -> Estimate:
    """The same step with BOFT's square matrices: numbers, float32, that are held with the weights
    and that are kept for the way back."""
    return replace(
        found,
        weights=found.weights + held * FLOAT32,
        activations=found.activations + kept * FLOAT32,
    )


def with_teacher(
    found: Estimate,
    config: Any,
    parameters: int,
    work: Work,
    features: Collection[str],
    *,
    words: bool,
) -> Estimate:
    """The same step beside a frozen teacher of the Qwen3-VL `config`: whether its words are learned
    and which vision `features` are matched."""
    vision = config.vision_config
    merged = work.patches // vision.spatial_merge_size**2
    rows = {
        "vit": work.patches * vision.hidden_size,
        "aligner": merged * vision.out_hidden_size,
        "deepstack": merged * vision.out_hidden_size * len(vision.deepstack_visual_indexes),
    }
    kept = sum(rows[name] for name in features)
    judged = 0
    if words:
        kept += work.tokens * config.text_config.hidden_size
        judged = work.head_rows * config.text_config.vocab_size * FLOAT32 * JUDGED_COPIES
    return replace(found, teacher=parameters * work.number, lesson=int(kept) * work.number + judged)


def _text_layer(text: Any, work: Work) -> int:
    """Numbers that a decoder layer keeps of a token."""
    hidden, inner = text.hidden_size, text.intermediate_size
    queries = text.num_attention_heads * text.head_dim
    keys = text.num_key_value_heads * text.head_dim
    norms = 2 * 3 * hidden
    projections = queries + 2 * keys
    head_norms_and_rotation = 4 * (queries + keys)
    attention = 2 * queries + 2 * keys
    scores = 2 * text.num_attention_heads * work.longest if work.eager else 0
    return int(
        norms + projections + head_norms_and_rotation + attention + scores + hidden + 4 * inner
    )


def _vision_layer(vision: Any) -> int:
    """Numbers that a block of the vision tower keeps of a patch."""
    hidden, inner = vision.hidden_size, vision.intermediate_size
    return int(2 * 2 * hidden + 3 * hidden + 4 * hidden + 4 * hidden + hidden + 2 * inner)
