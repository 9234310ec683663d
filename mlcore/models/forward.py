"""The forward pass in two halves, so that the LM head runs on supervised positions only.

Packing: the library keeps several samples in one row apart only when `position_ids` has four rows
whose first restarts at 0 for every sample, no attention mask is given and no cache is made. Any
other feed leaks between samples without an error, so this module is the only caller of the model
in training. It gives the model all tokens in one row and leaves out what only fills rows up, which
is most of what unlike lengths cost; `segments` then keeps the samples apart. Eager attention sees
the rows as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import chain

import torch
from torch import nn
from transformers import Qwen3VLForConditionalGeneration

from mlcore.models.segments import SDPA, Segments, lengths_of

FLASH = "flash_attention_2"


def hidden_states(
    model: Qwen3VLForConditionalGeneration,
    input_ids: torch.Tensor,
    position_ids: torch.Tensor,
    pixel_values: torch.Tensor | None,
    image_grid_thw: torch.Tensor | None,
) -> torch.Tensor:
    """Final hidden states [B, L, D] of a packed or right-padded batch.

    input_ids [B, L]; position_ids [4, B, L] (text, time, height, width), the first negative where
    there is no token, whose states are then zero or meaningless; pixel_values
    [all patches, patch dim] and image_grid_thw [all images, 3] in the order in which the images
    stand in the batch, row by row, or None for text alone: then a blank image is looked at and
    adds nothing. So every weight has a gradient in every batch, and engines that gather weights
    block by block never wait for a rank without images.
    """
    assert position_ids.shape == (4, *input_ids.shape), position_ids.shape
    kept, told = None, {}
    shape = input_ids.shape
    if attention_of(model) in (SDPA, FLASH):
        kept = (position_ids[0].flatten() >= 0).nonzero()[:, 0]
        if attention_of(model) == SDPA:
            told["segments"] = Segments.of(lengths_of(position_ids[0]), input_ids.device)
        input_ids = input_ids.flatten()[None, kept]
        position_ids = position_ids.flatten(1)[:, None, kept]
    blank: AbstractContextManager[list[torch.Tensor]] = (
        _blank_looks(model) if pixel_values is None else nullcontext([])
    )
    with blank as nothing:
        out = model.model(
            input_ids=input_ids,
            position_ids=position_ids[1:] if told else position_ids,
            attention_mask=None,
            pixel_values=pixel_values,
            image_grid_thw=image_grid_thw,
            use_cache=False,
            **told,
        )
    states: torch.Tensor = out.last_hidden_state
    for zero in nothing:
        states = states + zero.to(states.dtype)
    if kept is not None and len(kept) < shape.numel():
        whole = states.new_zeros(shape.numel(), states.shape[-1])
        states = whole.index_copy(0, kept, states[0])
    return states.reshape(*shape, -1)


@contextmanager
def _blank_looks(model: Qwen3VLForConditionalGeneration) -> Iterator[list[torch.Tensor]]:
    """Blank images are looked at, while inside, where images are: between the embedding of words
    and the language model. Ranks must gather the same blocks, and come to the gradients of the
    same weights, in one order. The list takes what `_blank_look` gives."""
    seen: list[torch.Tensor] = []
    handle = model.model.language_model.register_forward_pre_hook(
        lambda *_: seen.append(_blank_look(model)), prepend=True
    )
    try:
        yield seen
    finally:
        handle.remove()


def _blank_look(model: Qwen3VLForConditionalGeneration) -> torch.Tensor:
    """Zero, 0-d, that every weight of the vision tower and of the aligner had a part in."""
    vision = model.config.vision_config
    side = vision.spatial_merge_size
    dim = vision.in_channels * vision.temporal_patch_size * vision.patch_size**2
    pixels = torch.zeros(side * side, dim, device=model.device)
    grid = torch.tensor([[1, side, side]], device=model.device)
    seen = model.model.get_image_features(pixels, grid, return_dict=True)
    parts = [*seen.pooler_output, *chain.from_iterable(seen.deepstack_features)]
    return 0.0 * torch.stack([part.sum() for part in parts]).sum()


def attention_of(model: Qwen3VLForConditionalGeneration) -> str:
    """How the language model computes attention, by the library's name."""
    name: str = model.config.text_config._attn_implementation
    return name


def lm_logits(model: Qwen3VLForConditionalGeneration, rows: torch.Tensor) -> torch.Tensor:
    """Logits [N, vocabulary] of hidden rows [N, D]. The row at i predicts the token at i + 1."""
    logits: torch.Tensor = model.lm_head(rows)
    return logits


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode, and afterwards in the mode that it was in."""
    training = model.training
    model.train(mode=False)
    try:
        yield
    finally:
        model.train(mode=training)
