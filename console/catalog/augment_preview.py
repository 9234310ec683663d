"""What augmentation would make of a record at a seed, an epoch and a place in training.

The work is the training pipeline's own. Its picture is kept under a key of everything that it
depends on, so a slider that comes back finds it made.
"""
from __future__ import annotations

import hashlib
import json
import math
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy.typing as npt
from django.conf import settings

from console.api.problems import ApiProblem
from console.catalog.fusion_preview import START
from console.catalog.models import DatasetRecord, DatasetVersion
from console.catalog.preview_data import image_of, order_of, record_of, refused
from console.web.yaml_edit import text_of
from mlcore.augment.bank import PatchBank, paste_ops, prepare_bank
from mlcore.augment.config import AugmentConfig
from mlcore.augment.load import read_augmentation
from mlcore.augment.pipeline import Augmented, Augmenter
from mlcore.augment.telemetry import Telemetry
from mlcore.contract.records import Record, object_to_json
from mlcore.errors import GatehouseError

FILE = "augmentation.yaml"
POSITIONS = 1000
"""places in training that the slider knows, per mille of the steps"""
MAX_SEED = 2**32 - 1
MAX_EPOCH = 9999
MAX_OPS = 40
MAX_GROWN_PIXELS = 24_000_000
"""largest picture that the ops of a preview may make"""
AT_ONCE = 2
PATIENCE_S = 10.0
KEPT_PICTURES = 400
BANK_RECORDS = 24
BANK_SEED = 0
KEPT_BANKS = 6
JPEG_QUALITY = 90
_slots = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True)
class AugmentChoice:
    """`position` is per mille of the steps of training."""

    text: str
    seed: int = 0
    epoch: int = 0
    position: int = 0


@dataclass
class AugmentPreview:
    """The augmented sample. `key` names its picture; `links` has the place of each of its objects
    in the original record, None for a pasted copy; `fates` tells of each original object."""

    key: str
    width: int
    height: int
    objects: list[dict[str, Any]]
    links: list[int | None]
    fates: list[dict[str, Any]]
    telemetry: dict[str, Any]
    summary_before: str
    summary_after: str
    step: int
    total_steps: int


def preview_augmentation(row: DatasetRecord, choice: AugmentChoice) -> AugmentPreview:
    """Augment the record. Raises ConfigError with every problem of the text, and what
    `preview_of` raises."""
    return preview_of(row, read_augmentation(choice.text, FILE), choice)


def preview_of(row: DatasetRecord, config: AugmentConfig, choice: AugmentChoice) -> AugmentPreview:
    """Augment the record with a config that was read from the choice's text.

    Raises ApiProblem 422 for what the library refuses or a preview would have to grow too large
    for, 503 while too many are being made.
    """
    _check_cost(config, row.width * row.height)
    total = _total_steps(config)
    step = round(choice.position / POSITIONS * total)
    image, record = image_of(row), record_of(row)
    key = _key(row, config, choice, step, total)
    with _slot():
        try:
            bank = _bank(row.version, config)
            policy, classes = order_of(row.version)
            augmenter = Augmenter(config, choice.seed, bank, policy=policy, classes=classes)
            made = augmenter(record, image, choice.epoch, step, total)
        except GatehouseError as error:
            raise refused(error) from error
        _keep(row.image_sha, key, made.image)
    return _preview(key, record, made, step, total)


def run_text(version: DatasetVersion, config: AugmentConfig) -> str:
    """A config of `sft` that trains on this dataset with this augmentation."""
    data = {
        "dataset": version.ref,
        "augmentation": config.model_dump(mode="json", exclude_unset=True),
    }
    model = {"type": "checkpoint", "checkpoint": START}
    return text_of({"kind": "sft", "name": "", "model": model, "data": data})


def picture(row: DatasetRecord, key: str) -> bytes:
    """JPEG bytes of a preview of this record that was made lately. Raises ApiProblem 404."""
    path = _folder(row.image_sha) / f"{key}.jpg"
    if len(key) != 64 or not all(c in "0123456789abcdef" for c in key) or not path.is_file():
        raise ApiProblem(404, "not_found", "This preview is not kept any more; make it again.")
    return path.read_bytes()


def _check_cost(config: AugmentConfig, pixels: int) -> None:
    if len(config.ops) > MAX_OPS:
        message = f"A preview carries out at most {MAX_OPS} ops."
        raise ApiProblem(422, "too_costly", message)
    grown = float(pixels)
    for op in config.ops:
        values = vars(op)
        limit = values.get("max_pixels")
        scales = [values.get("hi", 1.0), *values.get("scales", ())]
        if op.type == "resize_by_scale":
            grown *= max(1.0, *scales) ** 2
            grown = grown if limit is None else min(grown, float(limit))
        elif limit is not None:
            grown = max(grown, min(float(limit), grown * 8))
    if grown > MAX_GROWN_PIXELS:
        raise ApiProblem(
            422, "too_costly",
            f"These ops may grow the picture to {round(grown):,} pixels; a preview makes at most "
            f"{MAX_GROWN_PIXELS:,}.",
        )


def _total_steps(config: AugmentConfig) -> int:
    """The steps of an imagined training: past the last phase where phases end at steps."""
    ends = [
        phase.until_step for phase in (config.curriculum.phases if config.curriculum else ())
        if phase.until_step is not None
    ]  # fmt: skip
    return max(POSITIONS, math.ceil(max(ends) * 1.25)) if ends else POSITIONS


def _bank(version: DatasetVersion, config: AugmentConfig) -> PatchBank | None:
    """Patches of a few records for the ops that paste from others; None where none does.

    Training takes them from all records, so there the same seed pastes other patches.
    """
    ops = paste_ops(config)
    if not ops:
        return None
    size = [config.patch_bank.capacity, config.patch_bank.per_record]
    parts = [version.digest, size, *(op.model_dump(mode="json") for op in ops)]
    name = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    rows = {r.record_id: r for r in version.records.order_by("pk")[:BANK_RECORDS]}
    folder = Path(settings.STATE_DIR) / "previews" / "banks" / name
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    bank = prepare_bank(
        folder, config, [record_of(r) for r in rows.values()],
        lambda record: image_of(rows[record.id]), BANK_SEED, {},
    )
    kept = sorted(folder.parent.glob("[0-9a-f]*"), key=lambda p: p.stat().st_mtime_ns)
    for old in kept[: max(0, len(kept) - KEPT_BANKS)]:
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
    return bank


def _key(
    row: DatasetRecord, config: AugmentConfig, choice: AugmentChoice, step: int, total: int
) -> str:
    """Names the picture by everything that it depends on."""
    place = (step, total) if config.curriculum is not None else ()
    parts = [row.image_sha, row.record_id, row.objects_json, config.model_dump(mode="json")]
    text = json.dumps([*parts, choice.seed, choice.epoch, place], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def _slot() -> Iterator[None]:
    """Few at once, so that a slider that is dragged cannot take the whole server."""
    if not _slots.acquire(timeout=PATIENCE_S):
        raise ApiProblem(
            503, "busy", "Too many previews are being made; try again.",
            headers={"Retry-After": "2"},
        )
    try:
        yield
    finally:
        _slots.release()


def _folder(image_sha: str) -> Path:
    return Path(settings.STATE_DIR) / "previews" / "augmented" / image_sha


def _keep(image_sha: str, key: str, image: npt.NDArray[Any]) -> None:
    folder = _folder(image_sha)
    path = folder / f"{key}.jpg"
    if path.is_file():
        path.touch()
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ok, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    if not ok:
        raise ApiProblem(422, "not_an_image", "The picture cannot be encoded.")
    beside = folder / f".{key}-{threading.get_ident()}"
    beside.write_bytes(data.tobytes())
    beside.replace(path)
    _forget(folder.parent)


def _forget(root: Path) -> None:
    """Remove the pictures that were used longest ago. Others may do the same at this moment."""
    found = []
    for path in root.glob("*/*.jpg"):
        try:
            found.append((path.stat().st_mtime_ns, path))
        except FileNotFoundError:
            continue
    for _age, path in sorted(found)[: max(0, len(found) - KEPT_PICTURES)]:
        path.unlink(missing_ok=True)


def _preview(key: str, record: Record, made: Augmented, step: int, total: int) -> AugmentPreview:
    told = made.telemetry
    return AugmentPreview(
        key=key, width=made.record.width, height=made.record.height,
        objects=[object_to_json(o) for o in made.record.objects], links=list(told.origin),
        fates=_fates(record, made.record, told), telemetry=told.to_json(),
        summary_before=record.summary or "", summary_after=made.record.summary or "",
        step=step, total_steps=total,
    )  # fmt: skip


def _fates(before: Record, after: Record, told: Telemetry) -> list[dict[str, Any]]:
    """Of each original object: whether it is still there, how much of it, and why not."""
    reasons = {int(one["source"]): str(one["reason"]) for one in told.lost}
    places = {source: place for place, source in enumerate(told.origin) if source is not None}
    out = []
    for index, item in enumerate(before.objects):
        place = places.get(index)
        out.append({
            "object": index, "desc": item.desc, "kind": item.kind, "kept": place is not None,
            "coverage": told.coverages[place] if place is not None else 0.0,
            "reason": reasons.get(index, ""),
            "desc_after": after.objects[place].desc if place is not None else "",
            "kind_after": after.objects[place].kind if place is not None else "",
        })  # fmt: skip
    return out
