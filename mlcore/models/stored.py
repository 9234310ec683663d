"""What a checkpoint folder says of itself, by its config.json and the headers of its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open

from mlcore.errors import DataError

MODEL_TYPE = "qwen3_vl"


def require_architecture(folder: Path) -> None:
    """Raises DataError when the checkpoint is of another architecture, whose weights the library
    would leave out and draw anew."""
    path = folder / "config.json"
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"config.json of the checkpoint: {error}", where=str(path)) from error
    found = raw.get("model_type") if isinstance(raw, dict) else None
    if found != MODEL_TYPE:
        raise DataError(
            f"the checkpoint is of the architecture {found}, wanted is {MODEL_TYPE}",
            hint="Start from a Qwen3-VL checkpoint; a text model alone has no vision tower.",
            where=str(folder),
        )


class Stored(NamedTuple):
    """One tensor of a file by its header: its shape, and its kind of numbers as safetensors
    writes it, `BF16` for one."""

    shape: tuple[int, ...]
    numbers: str


def stored_tensors(folder: Path) -> dict[str, Stored]:
    """Every tensor of the folder's safetensors files, by their headers.

    Raises DataError naming a file that is corrupt or ends early.
    """
    found: dict[str, Stored] = {}
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="numpy") as file:
                for name in file.keys():  # noqa: SIM118 - no mapping
                    part = file.get_slice(name)
                    found[name] = Stored(tuple(part.get_shape()), str(part.get_dtype()))
        except (SafetensorError, OSError) as error:
            raise DataError(
                f"{path.name} of the checkpoint is corrupt or half written: {error}",
                hint="Copy the checkpoint anew and compare its size, or take an earlier one.",
                where=str(path),
            ) from error
    return found
