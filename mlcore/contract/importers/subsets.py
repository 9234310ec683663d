"""Tiny subsets of splits: the same lines again in a file of their own, named in dataset.json.

A subset is no split: its records are counted, checked and fingerprinted once, in their split.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlcore.contract.importers.splits import tiny_places
from mlcore.run.hashing import file_sha256


def write_subsets(folder: Path, sizes: Mapping[str, int], seed: int) -> dict[str, Any]:
    """Write `tiny_SPLIT.jsonl` for each split with a size above 0, lines in their order.

    Returns what dataset.json says of them: {name: {file, of, records, sha256}}.
    """
    out: dict[str, Any] = {}
    for split, size in sizes.items():
        path = folder / f"{split}.jsonl"
        if size and path.is_file():
            lines = path.read_bytes().splitlines(keepends=True)
            name = f"tiny_{split}"
            chosen = [lines[place] for place in tiny_places(len(lines), size, seed)]
            (folder / f"{name}.jsonl").write_bytes(b"".join(chosen))
            digest = file_sha256(folder / f"{name}.jsonl")
            entry = {"file": f"{name}.jsonl", "of": split, "records": len(chosen)}
            out[name] = {**entry, "sha256": digest}
    return out
