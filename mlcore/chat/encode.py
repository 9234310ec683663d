"""Text to token ids without special meaning.

Structure is written as token ids by the renderer. Everything else, prompts and data alike,
passes through here: a copy of the tokenizer without its added tokens, so that words such as
`<|im_end|>` or `<|coord_5|>` in a description become ordinary letters.
"""
from __future__ import annotations

import json
from functools import lru_cache

from tokenizers import Tokenizer

from mlcore.errors import DataError

CACHE = 65536
"""pieces remembered; JSON scaffolding and descriptions repeat"""


class PlainEncoder:
    """Encodes text with the base vocabulary of a tokenizer.json only."""

    def __init__(self, tokenizer_json: str) -> None:
        stored = json.loads(tokenizer_json)
        self._forbidden = frozenset(int(token["id"]) for token in stored["added_tokens"])
        stored["added_tokens"] = []
        stored["post_processor"] = None
        stored["truncation"] = stored["padding"] = None
        self._plain = Tokenizer.from_str(json.dumps(stored))
        self.encode = lru_cache(maxsize=CACHE)(self._encode)

    def _encode(self, text: str) -> tuple[int, ...]:
        ids = tuple(self._plain.encode(text, add_special_tokens=False).ids)
        if not self._forbidden.isdisjoint(ids):
            raise DataError(
                "text would become a special token",
                hint="The tokenizer's base vocabulary holds special tokens; it cannot be used.",
                where=text[:80],
            )
        return ids
