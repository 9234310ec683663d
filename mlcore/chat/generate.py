"""Batched generation, left padded, stopping at the end of the assistant's turn."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from transformers import GenerationConfig, LogitsProcessorList, Qwen3VLForConditionalGeneration
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor

from mlcore.chat.choose import GREEDY, Chooser, Listener, Sampling, row_stream
from mlcore.chat.render import TrainingExample
from mlcore.models.tokens import StructureIds, structure_ids

__all__ = ["GREEDY", "Generated", "Sampling", "generate_batch", "left_padded"]


@dataclass(frozen=True)
class Generated:
    """One answer. `token_ids` are those of `text`; the closing token is not among them.

    `finished` is false when the token limit cut the answer; `new_tokens` counts what the model
    produced, its closing token included, and `logprobs` has the natural logarithm of the
    probability of each of these. Two answers are equal whatever their logprobs: those differ in
    their last digits from batch to batch.
    """

    text: str
    token_ids: tuple[int, ...]
    finished: bool
    new_tokens: int
    logprobs: tuple[float, ...] = field(default=(), compare=False)


def generate_batch(
    model: Qwen3VLForConditionalGeneration,
    processor: Qwen3VLProcessor,
    prompts: Sequence[TrainingExample],
    max_new_tokens: int,
    sampling: Sampling = GREEDY,
    *,
    draws: Sequence[int] | None = None,
    listener: Listener | None = None,
) -> list[Generated]:
    """Answers to prompts (from `Renderer.prompt_example`), in their order.

    Prompts may differ in length and image size. No answer depends on what else is in the batch: a
    sampled one is fixed by the seed, its record, its task and its number in `draws`, which counts
    the answers to one question and is 0 for all where it is not given. Draws nothing from torch.
    """
    if not prompts:
        return []
    ids = structure_ids(processor.tokenizer.get_added_vocab())
    inputs = left_padded(prompts, ids)
    inputs = {name: tensor.to(model.device) for name, tensor in inputs.items()}
    streams = [
        row_stream(sampling.seed, prompt.record_id, prompt.mode or "", draw)
        for prompt, draw in zip(prompts, draws or [0] * len(prompts), strict=True)
    ]
    chooser = Chooser(sampling, streams, ids.pad, listener)
    generate: Callable[..., torch.Tensor] = cast("Any", model).generate
    with torch.inference_mode():
        out = generate(
            **inputs,
            generation_config=_config(max_new_tokens, ids, sampling.no_repeat_ngram_size),
            logits_processor=LogitsProcessorList([chooser]),
        )
    width = inputs["input_ids"].shape[1]
    logprobs = torch.stack(chooser.logprobs, dim=1).tolist()
    rows = zip(out[:, width:].tolist(), logprobs, strict=True)
    return [_cut(tokens, row, ids, processor) for tokens, row in rows]


def left_padded(prompts: Sequence[TrainingExample], ids: StructureIds) -> dict[str, torch.Tensor]:
    """Keyword tensors of the library's `generate` for prompts of any lengths; those of images only
    where a prompt has one."""
    length = max(len(prompt) for prompt in prompts)
    input_ids = torch.full((len(prompts), length), ids.pad, dtype=torch.int64)
    mask = torch.zeros_like(input_ids)
    for row, prompt in enumerate(prompts):
        input_ids[row, length - len(prompt) :] = torch.from_numpy(prompt.input_ids)
        mask[row, length - len(prompt) :] = 1
    texts = {
        "input_ids": input_ids,
        "attention_mask": mask,
        "mm_token_type_ids": (input_ids == ids.image_pad).to(torch.int32),
    }
    if not any(len(prompt.image_grid_thw) for prompt in prompts):
        return texts
    return texts | {
        "pixel_values": torch.cat([torch.from_numpy(p.pixel_values) for p in prompts]),
        "image_grid_thw": torch.cat([torch.from_numpy(p.image_grid_thw) for p in prompts]),
    }


def _config(max_new_tokens: int, ids: StructureIds, ngram: int) -> GenerationConfig:
    """A whole configuration, so that defaults stored in a checkpoint have no say."""
    make: Callable[..., GenerationConfig] = GenerationConfig
    return make(
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=ids.im_end,
        pad_token_id=ids.pad,
        repetition_penalty=1.0,
        no_repeat_ngram_size=ngram or None,
        use_cache=True,
    )


def _cut(
    tokens: list[int], logprobs: list[float], ids: StructureIds, processor: Qwen3VLProcessor
) -> Generated:
    finished = ids.im_end in tokens
    kept = tokens[: tokens.index(ids.im_end)] if finished else tokens
    text = processor.tokenizer.decode(
        kept, skip_special_tokens=False, clean_up_tokenization_spaces=False
    )
    count = len(kept) + int(finished)
    return Generated(text, tuple(kept), finished, count, tuple(logprobs[:count]))
