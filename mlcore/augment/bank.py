"""The patch bank: cut-outs of the training set, made once and shared by all workers of a host.

A bank is a folder with `patches.bin` (pictures and masks, mapped into memory and never copied into
a process) and `bank.json` (where each lies, its objects and its record). Its content is a pure
function of the records, the config and the seed; nothing is ever added while training. So which
patches a sample gets depends on seed, epoch and record alone, however many workers there are.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.augment.config import AugmentConfig
from mlcore.augment.paste import PasteOp
from mlcore.augment.patch import Patch, PatchObject
from mlcore.augment.scene import Pixels, Scene
from mlcore.contract.records import Record, record_line
from mlcore.errors import ConfigError, DataError, InfrastructureError
from mlcore.randomness import sample_rng

SCHEMA = "patch_bank/1"
INDEX, DATA = "bank.json", "patches.bin"
HOSTS = ("GROUP_WORLD_SIZE", "NNODES", "SLURM_NNODES")
"""variables of launchers that count hosts"""
OpenImage = Callable[[Record], Pixels]
"""the picture of a record: RGB, uint8, [H, W, 3]"""


def refuse_several_hosts(environ: Mapping[str, str] | None = None) -> None:
    """Raises ConfigError when the run spans several hosts, as its launcher's variables say: each
    host would have a bank of its own, and samples would differ by host."""
    given = os.environ if environ is None else environ
    counts = {name: int(value) for name, value in given.items() if value.isdecimal()}
    several = [name for name in HOSTS if counts.get(name, 1) > 1]
    if counts.get("WORLD_SIZE", 1) > counts.get("LOCAL_WORLD_SIZE", counts.get("WORLD_SIZE", 1)):
        several.append("WORLD_SIZE")
    if several:
        raise ConfigError(
            f"a patch bank works on one host only; {several[0]} says that the run has several",
            hint="Set source_mode: local for the copy-paste ops, or train on one host.",
        )


class PatchBank:
    """An opened bank. Safe to hand to other processes: each maps the file by itself."""

    def __init__(self, folder: Path) -> None:
        """Raises DataError where the folder holds no bank of this schema."""
        self.folder = folder
        try:
            stored = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{folder} holds no patch bank: {error}", where=str(folder)) from error
        if not isinstance(stored, dict) or stored.get("schema") != SCHEMA:
            raise DataError(f"{folder} is not of schema {SCHEMA}", where=str(folder))
        self.digest = str(stored["digest"])
        self._rows: dict[str, list[dict[str, Any]]] = stored["patches"]
        self._pixels: Pixels | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pixels": None}

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._rows.values())

    def count(self, op: str) -> int:
        """How many patches there are for an op."""
        return len(self._rows.get(op, ()))

    def draw(self, op: str, rng: np.random.Generator, record: str) -> Patch | None:
        """A patch for an op from any record but this one; None where there is none."""
        rows = [row for row in self._rows.get(op, ()) if row["record"] != record]
        return self._patch(rows[int(rng.integers(len(rows)))]) if rows else None

    def _patch(self, row: Mapping[str, Any]) -> Patch:
        if self._pixels is None:
            self._pixels = np.memmap(self.folder / DATA, dtype=np.uint8, mode="r")
        height, width, start = row["height"], row["width"], row["offset"]
        size = height * width
        image = self._pixels[start : start + 3 * size].reshape(height, width, 3)
        mask = self._pixels[start + 3 * size : start + 4 * size].reshape(height, width)
        objects = tuple(
            PatchObject(o["desc"], o["kind"], tuple(o["points"]), o["source"], o["partial"])
            for o in row["objects"]
        )
        return Patch(np.asarray(image), np.asarray(mask), objects, row["record"])


def prepare_bank(
    folder: Path,
    config: AugmentConfig,
    records: Sequence[Record],
    open_image: OpenImage,
    seed: int,
    environ: Mapping[str, str] | None = None,
) -> PatchBank:
    """The bank in a folder, made first where it is not there yet.

    Several processes may call at once: each makes the same bank, and one of them is kept. Raises
    ConfigError on several hosts, DataError when the folder's bank was made from other records,
    another config or seed, InfrastructureError when it cannot be written.
    """
    refuse_several_hosts(environ)
    drawn = sorted(records, key=lambda record: _lot(seed, record.id))
    wanted = _recipe(config, drawn, seed)
    if not (folder / INDEX).exists():
        _make(folder, config, drawn, open_image, seed, wanted)
    bank = PatchBank(folder)
    if bank.digest != wanted:
        raise DataError(
            f"the patch bank in {folder} was made from other records, another config or seed",
            hint="Give another folder, or remove this one.",
            where=str(folder),
        )
    return bank


def paste_ops(config: AugmentConfig) -> list[PasteOp]:
    """The ops of a config that take patches from the bank."""
    return [op for op in config.ops if isinstance(op, PasteOp) and op.needs_bank]


def _recipe(config: AugmentConfig, records: Sequence[Record], seed: int) -> str:
    """Names what a bank is made from."""
    digest = hashlib.sha256(SCHEMA.encode())
    ops = [op.model_dump(mode="json") for op in paste_ops(config)]
    size = [config.patch_bank.capacity, config.patch_bank.per_record]
    digest.update(json.dumps([ops, size, seed], sort_keys=True).encode())
    for one in records:
        digest.update(record_line(one).encode() + b"\n")
    return digest.hexdigest()


def _make(
    folder: Path,
    config: AugmentConfig,
    records: Sequence[Record],
    open_image: OpenImage,
    seed: int,
    digest: str,
) -> None:
    """Written beside and renamed, so that a bank is whole or not there."""
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        beside.mkdir(parents=True, exist_ok=True)
        with (beside / DATA).open("wb") as file:
            rows = _fill(file.write, config, records, open_image, seed)
        index = {"schema": SCHEMA, "digest": digest, "patches": rows}
        (beside / INDEX).write_text(json.dumps(index, ensure_ascii=False), encoding="utf-8")
        try:
            beside.rename(folder)
        except OSError:
            if not (folder / INDEX).exists():
                raise
            shutil.rmtree(beside)
    except OSError as error:
        raise InfrastructureError(
            f"cannot write the patch bank: {error}", where=str(folder)
        ) from error


def _fill(
    write: Callable[[bytes], int],
    config: AugmentConfig,
    records: Sequence[Record],
    open_image: OpenImage,
    seed: int,
) -> dict[str, list[dict[str, Any]]]:
    """Patches of the records in their order, until every op has enough."""
    ops = paste_ops(config)
    rows: dict[str, list[dict[str, Any]]] = {op.type: [] for op in ops}
    offset = 0
    for record in records:
        open_ops = [op for op in ops if len(rows[op.type]) < config.patch_bank.capacity]
        if not open_ops:
            break
        scene: Scene | None = None
        for op in open_ops:
            scene = scene or Scene.of(record, open_image(record), config.settings)
            for patch in _cut(op, scene, config.patch_bank.per_record, seed):
                if len(rows[op.type]) == config.patch_bank.capacity:
                    break
                write(patch.image.tobytes())
                write(patch.mask.tobytes())
                rows[op.type].append(_row(patch, offset))
                offset += 4 * patch.mask.size
    return rows


def _cut(op: PasteOp, scene: Scene, most: int, seed: int) -> list[Patch]:
    rng = sample_rng(seed, 0, scene.record, f"patch_bank/{op.type}")
    groups = op.groups(scene)
    patches = []
    for at in rng.permutation(len(groups)).tolist():
        patch = op.patch(scene, groups[at], rng)
        if patch is not None:
            patches.append(patch)
        if len(patches) == most:
            break
    return patches


def _lot(seed: int, identity: str) -> bytes:
    return hashlib.blake2b(f"{seed}\0{identity}".encode(), digest_size=16).digest()


def _row(patch: Patch, offset: int) -> dict[str, Any]:
    height, width = patch.mask.shape
    return {
        "record": patch.record,
        "offset": offset,
        "height": height,
        "width": width,
        "objects": [asdict(one) for one in patch.objects],
    }
