"""Coordinate tokens for a checkpoint that has none: 1000 new words, each with a sensible row.

A new row is the mean of the rows of the number's own digits, which places it among numbers, plus a
smooth curve over the bins, which tells neighbours from strangers: digits alone would give 123 and
321 one row. Nothing is drawn, so the same checkpoint always gives the same result.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import AddedToken
from transformers import PreTrainedTokenizerBase

from mlcore.errors import ConfigError
from mlcore.models.config import COORD_TOKENS
from mlcore.models.load import load_model, save_checkpoint
from mlcore.models.processor import read_processor
from mlcore.models.tiny import waves
from mlcore.models.tokens import coord_token, coord_token_ids
from mlcore.run.folder import write_json
from mlcore.tuning.stored import digest
from mlcore.tuning.targets import Model

RECORD = "coord_tokens.json"
CURVE = 0.5
"""size of the curve's root mean square, as a share of that of the digits' rows"""
MULTIPLE = 64
"""a grown vocabulary is a multiple of this, which matrix products of GPUs are made for"""


def expand(base: Path, folder: Path) -> None:
    """Write the checkpoint `base` with coordinate tokens to `folder`, in its own number format.

    Raises ConfigError when it has some already, DataError when it cannot be read.
    """
    model = load_model(base, dtype=None)
    processor = read_processor(base)
    ids = add_tokens(processor.tokenizer, str(base))
    grow(model, len(processor.tokenizer))
    set_rows(model, ids, processor.tokenizer)
    save_checkpoint(model, processor, folder)
    record = {"schema": "coord_tokens/1", "method": "digits and waves", "curve": CURVE}
    write_json(folder / RECORD, {**record, "base_digest": digest(base), "first_id": ids[0]})


def add_tokens(tokenizer: PreTrainedTokenizerBase, where: str) -> list[int]:
    """Add the 1000 coordinate tokens; returns their ids by bin. Raises ConfigError on any there."""
    known = set(tokenizer.get_vocab())
    present = [name for name in map(coord_token, range(COORD_TOKENS)) if name in known]
    if present:
        raise ConfigError(
            f"the checkpoint has {len(present)} coordinate token(s), {present[0]} for one",
            hint="Leave model.coord_tokens out: they are there.",
            where=where,
        )
    names = [coord_token(k) for k in range(COORD_TOKENS)]
    tokenizer.add_tokens([AddedToken(n, special=False, normalized=False) for n in names])
    return coord_token_ids(tokenizer.get_added_vocab(), where)


def grow(model: Model, words: int) -> None:
    """Make room for `words` tokens; embeddings that have it already keep their size.

    Room that is left over gets the mean of the rows before it, in embeddings and head.
    """
    rows = model.get_input_embeddings().weight.shape[0]
    if words <= rows:
        return
    make_room: Callable[..., object] = model.resize_token_embeddings
    make_room(-(-words // MULTIPLE) * MULTIPLE, mean_resizing=False)
    with torch.no_grad():
        for table in _tables(model):
            table[rows:] = table[:rows].double().mean(0).to(table.dtype)


@torch.no_grad()
def set_rows(model: Model, ids: list[int], tokenizer: PreTrainedTokenizerBase) -> None:
    """Fill the rows of the new tokens `ids`, which follow all others."""
    digits = [_digit_ids(tokenizer, str(k)) for k in range(COORD_TOKENS)]
    bins = torch.linspace(0.0, 1.0, COORD_TOKENS)
    for table in _tables(model):
        rows = torch.stack([table[of].double().mean(0) for of in digits])
        curve = waves(bins, table.shape[1]).double()
        curve *= CURVE * rows.square().mean().sqrt() / curve.square().mean().sqrt()
        table[ids] = (rows + curve).to(table.dtype)


def _tables(model: Model) -> list[torch.Tensor]:
    """Embeddings, and the head where it is a weight of its own."""
    tables: list[torch.Tensor] = [model.model.language_model.embed_tokens.weight]
    return tables if model.config.tie_word_embeddings else [*tables, model.lm_head.weight]


def _digit_ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    found: list[int] = tokenizer.encode(text, add_special_tokens=False)
    return found
