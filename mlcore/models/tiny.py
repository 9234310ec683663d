"""Builds a small Qwen3-VL from nothing and saves it as an ordinary checkpoint folder."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerFast,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from mlcore.models.config import COORD_TOKENS, TinyRecipe
from mlcore.models.load import save_checkpoint
from mlcore.models.processor import ImageTextProcessor
from mlcore.models.tokens import (
    END_OF_TEXT,
    IM_END,
    STRUCTURE,
    coord_token,
    coord_token_ids,
    structure_ids,
)

CHAT_TEMPLATE = """\
{%- for message in messages -%}
{{- '<|im_start|>' + message['role'] + '\\n' -}}
{%- if message['content'] is string -%}
{{- message['content'] -}}
{%- else -%}
{%- for part in message['content'] -%}
{%- if part['type'] == 'image' -%}
{{- '<|vision_start|><|image_pad|><|vision_end|>' -}}
{%- elif part['type'] == 'text' -%}
{{- part['text'] -}}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{{- '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""
MAX_IMAGE_AREA = 2048 * 2048
"""pixels; an upper bound for other programs that resize, ours never does"""


def build_tiny(folder: Path, recipe: TinyRecipe, texts: Iterable[str]) -> None:
    """Write a checkpoint folder with freshly drawn weights.

    `texts` trains the tokenizer; `mlcore.chat.answers.tokenizer_texts` makes them from records.
    The same recipe and texts give the same files.
    """
    tokenizer = train_tokenizer(recipe, texts)
    processor = ImageTextProcessor(image_processor(recipe), tokenizer, CHAT_TEMPLATE)
    config = model_config(recipe, tokenizer)
    model = fresh_model(config, coord_token_ids(tokenizer.get_added_vocab()), recipe)
    ids = structure_ids(tokenizer.get_added_vocab())
    make: Callable[..., GenerationConfig] = GenerationConfig
    model.generation_config = make(eos_token_id=ids.im_end, pad_token_id=ids.pad, do_sample=False)
    save_checkpoint(model, processor, folder)


def train_tokenizer(recipe: TinyRecipe, texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE that never merges across digits or `recipe.split_at`, plus our tokens."""
    backend = Tokenizer(models.BPE())
    alone = Regex("[0-9" + "".join(f"\\x{{{ord(c):x}}}" for c in recipe.split_at) + "]")
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(alone, behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.merges_vocab,
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    make: Callable[..., PreTrainedTokenizerFast] = PreTrainedTokenizerFast
    tokenizer = make(
        tokenizer_object=backend, eos_token=IM_END, pad_token=END_OF_TEXT,
        clean_up_tokenization_spaces=False, padding_side="left",
        model_max_length=recipe.text.max_positions,
    )
    special = [AddedToken(name, special=True, normalized=False) for name in STRUCTURE]
    tokenizer.add_tokens(special, special_tokens=True)
    coords = [coord_token(k) for k in range(COORD_TOKENS)]
    tokenizer.add_tokens([AddedToken(c, special=False, normalized=False) for c in coords])
    return tokenizer


def image_processor(recipe: TinyRecipe) -> Qwen2VLImageProcessorPil:
    """The library's image processor with the recipe's patch sizes and a mean and spread of 0.5."""
    multiple = recipe.vision.patch_size * recipe.vision.merge_size
    return Qwen2VLImageProcessorPil(
        patch_size=recipe.vision.patch_size,
        merge_size=recipe.vision.merge_size,
        temporal_patch_size=2,
        size={"shortest_edge": multiple * multiple, "longest_edge": MAX_IMAGE_AREA},
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
    )


def model_config(recipe: TinyRecipe, tokenizer: PreTrainedTokenizerFast) -> Qwen3VLConfig:
    """The library's config for the recipe's sizes and this tokenizer's ids."""
    text, vision, ids = recipe.text, recipe.vision, structure_ids(tokenizer.get_added_vocab())
    return Qwen3VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": text.hidden_size,
            "num_hidden_layers": text.layers,
            "num_attention_heads": text.heads,
            "num_key_value_heads": text.kv_heads,
            "head_dim": text.head_dim,
            "intermediate_size": text.intermediate_size,
            "max_position_embeddings": text.max_positions,
            "pad_token_id": ids.pad,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": list(text.mrope_section),
                "mrope_interleaved": True,
            },
        },
        vision_config={
            "hidden_size": vision.hidden_size,
            "depth": vision.depth,
            "num_heads": vision.heads,
            "intermediate_size": vision.intermediate_size,
            "patch_size": vision.patch_size,
            "spatial_merge_size": vision.merge_size,
            "temporal_patch_size": 2,
            "out_hidden_size": text.hidden_size,
            "num_position_embeddings": vision.position_grid**2,
            "deepstack_visual_indexes": list(vision.deepstack),
        },
        image_token_id=ids.image_pad,
        video_token_id=ids.video_pad,
        vision_start_token_id=ids.vision_start,
        vision_end_token_id=ids.vision_end,
        tie_word_embeddings=True,
    )


def fresh_model(
    config: Qwen3VLConfig, coord_ids: list[int], recipe: TinyRecipe
) -> Qwen3VLForConditionalGeneration:
    """A model with weights drawn from the recipe's seed, without disturbing torch's own stream."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = Qwen3VLForConditionalGeneration(config)
    place_sinusoids(model, coord_ids, recipe.coord_scale, recipe.position_scale)
    return model


@torch.no_grad()
def place_sinusoids(
    model: Qwen3VLForConditionalGeneration,
    coord_ids: list[int],
    coord_scale: float,
    position_scale: float,
) -> None:
    """Start coordinate rows and vision positions as sinusoids: neighbours begin alike."""
    embedding: torch.Tensor = model.model.language_model.embed_tokens.weight
    bins = torch.linspace(0.0, 1.0, len(coord_ids))
    embedding[coord_ids] = coord_scale * waves(bins, embedding.shape[1])
    table = model.model.visual.pos_embed.weight
    side = math.isqrt(table.shape[0])
    half = table.shape[1] // 2
    line = waves(torch.linspace(0.0, 1.0, side), half)
    rows = line[:, None, :].expand(side, side, half)
    columns = line[None, :, :].expand(side, side, half)
    table.copy_(position_scale * torch.cat([rows, columns], dim=-1).reshape(side * side, -1))


def waves(positions: torch.Tensor, width: int) -> torch.Tensor:
    """Sines and cosines [N, width] of positions in 0..1, from half a period to 64 periods."""
    pairs = width // 2
    periods = 0.5 * 2.0 ** torch.linspace(0.0, 7.0, pairs)
    angles = 2 * math.pi * positions[:, None] * periods[None, :]
    return torch.cat([angles.sin(), angles.cos()], dim=1)
