"""Batched generation, left padded, stopping at the end of the assistant's turn."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from transformers import GenerationConfig, Qwen3VLForConditionalGeneration
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor

from mlcore.chat.render import TrainingExample
from mlcore.models.tokens import StructureIds, structure_ids


@dataclass(frozen=True)
class Generated:
    """One answer. `token_ids` are those of `text`; the closing token is not among them.

    `finished` is false when the token limit cut the answer; `new_tokens` counts what the model
    produced, its closing token included.
    """

    text: str
    token_ids: tuple[int, ...]
    finished: bool
    new_tokens: int


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. Temperature 0 takes the likeliest token each time."""

    temperature: float = 0.0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    seed: int = 0


GREEDY = Sampling()


def generate_batch(
    model: Qwen3VLForConditionalGeneration,
    processor: Qwen3VLProcessor,
    prompts: Sequence[TrainingExample],
    max_new_tokens: int,
    sampling: Sampling = GREEDY,
) -> list[Generated]:
    """Answers to prompts (from `Renderer.prompt_example`), in their order.

    Prompts may differ in length and image size. A greedy answer does not depend on what else is
    in the batch; a sampled one does, and is fixed by the seed and the batch.
    """
    if not prompts:
        return []
    ids = structure_ids(processor.tokenizer.get_added_vocab())
    config = _config(sampling, max_new_tokens, ids)
    inputs = left_padded(prompts, ids)
    inputs = {name: tensor.to(model.device) for name, tensor in inputs.items()}
    generate: Callable[..., torch.Tensor] = cast("Any", model).generate
    with torch.inference_mode(), torch.random.fork_rng():
        torch.manual_seed(sampling.seed)
        out = generate(**inputs, generation_config=config)
    width = inputs["input_ids"].shape[1]
    return [_cut(row[width:].tolist(), ids, processor) for row in out]


def left_padded(prompts: Sequence[TrainingExample], ids: StructureIds) -> dict[str, torch.Tensor]:
    """Keyword tensors of the library's `generate` for prompts of any lengths."""
    length = max(len(prompt) for prompt in prompts)
    input_ids = torch.full((len(prompts), length), ids.pad, dtype=torch.int64)
    mask = torch.zeros_like(input_ids)
    for row, prompt in enumerate(prompts):
        input_ids[row, length - len(prompt) :] = torch.from_numpy(prompt.input_ids)
        mask[row, length - len(prompt) :] = 1
    return {
        "input_ids": input_ids,
        "attention_mask": mask,
        "mm_token_type_ids": (input_ids == ids.image_pad).to(torch.int32),
        "pixel_values": torch.cat([torch.from_numpy(p.pixel_values) for p in prompts]),
        "image_grid_thw": torch.cat([torch.from_numpy(p.image_grid_thw) for p in prompts]),
    }


def _config(sampling: Sampling, max_new_tokens: int, ids: StructureIds) -> GenerationConfig:
    """A whole configuration, so that defaults stored in a checkpoint have no say."""
    make: Callable[..., GenerationConfig] = GenerationConfig
    common: dict[str, Any] = {
        "max_new_tokens": max_new_tokens,
        "eos_token_id": ids.im_end,
        "pad_token_id": ids.pad,
        "repetition_penalty": sampling.repetition_penalty,
        "use_cache": True,
    }
    if sampling.temperature == 0.0:
        return make(do_sample=False, **common)
    return make(
        do_sample=True, temperature=sampling.temperature, top_p=sampling.top_p, top_k=0, **common
    )


def _cut(tokens: list[int], ids: StructureIds, processor: Qwen3VLProcessor) -> Generated:
    finished = ids.im_end in tokens
    kept = tokens[: tokens.index(ids.im_end)] if finished else tokens
    text = processor.tokenizer.decode(
        kept, skip_special_tokens=False, clean_up_tokenization_spaces=False
    )
    return Generated(text, tuple(kept), finished, len(kept) + int(finished))
