"""Settings of `tuning` that tests try, on the shipped checkpoint."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from mlcore.run.context import BUILTIN
from mlcore.train.config import Tuning

BASE = BUILTIN / "base"
MERGERS = ["merger", "deepstack_merger_list"]
_OPEN = {"freeze_vit": False, "freeze_aligner": False}
EVERY: dict[str, dict[str, Any]] = {
    "lora": {"type": "lora", "rank": 4, **_OPEN},
    "dora": {"type": "lora", "rank": 4, "dora": True, **_OPEN},
    "rslora": {"type": "lora", "rank": 4, "rslora": True, "bias": "adapted"},
    "embeddings": {"type": "lora", "rank": 4, "modules_to_save": ["embed_tokens"]},
    "aligner whole": {
        "type": "lora", "freeze_llm": True, "target_modules": [], "modules_to_save": MERGERS
    },
    "offset": {"type": "lora", "rank": 4, "modules_to_save": MERGERS, "coord_offset": True},
    "adalora": {"type": "adalora", "rank": 4, "target_rank": 2, **_OPEN},
    "boft": {"type": "boft", **_OPEN},
    "fourierft": {"type": "fourierft", "frequencies": 50, "modules_to_save": MERGERS},
}  # fmt: skip
"""every kind of adapter once"""


def tuning_of(**settings: Any) -> Tuning:
    """A `tuning` section as it could stand in a file."""
    adapter: TypeAdapter[Tuning] = TypeAdapter(Tuning)
    return adapter.validate_json(json.dumps(settings))
