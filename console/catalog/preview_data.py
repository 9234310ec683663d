"""What every preview starts from: a record as the library has it, and its image."""
from __future__ import annotations

import functools
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from console.api.problems import ApiProblem
from console.catalog import blobs
from console.catalog.indexing import MAX_JSON
from console.catalog.media import MAX_IMAGE_BYTES
from console.catalog.models import DatasetRecord, DatasetVersion
from mlcore.contract.reader import MANIFEST
from mlcore.contract.records import KINDS, Record, SceneObject
from mlcore.errors import GatehouseError
from mlcore.geometry.order import Policy, read_policy
from mlcore.models.images import BROKEN

MAX_PIXELS = 8_000_000
"""largest image that a preview decodes; training has no such limit"""
KEPT_IMAGES = 4
KEPT_MANIFESTS = 16


def record_of(row: DatasetRecord) -> Record:
    """The record of an indexed line, without its metadata."""
    objects = tuple(
        SceneObject(entry["desc"], kind, tuple(entry[kind]))
        for entry in row.objects_json
        for kind in KINDS
        if kind in entry
    )
    return Record(
        row.record_id, (row.image_path,), row.width, row.height, row.version.coord_space, objects,
        row.summary or None,
    )


def image_of(row: DatasetRecord) -> npt.NDArray[np.uint8]:
    """The stored image, upright: uint8 [H, W, 3], not to be written to.

    Raises ApiProblem 415 for what cannot be decoded or has more than MAX_PIXELS pixels.
    """
    return _decoded(row.image_sha)


def image_size(row: DatasetRecord) -> tuple[int, int]:
    """Width and height of the stored image, upright, from its header. Raises ApiProblem 415."""
    try:
        with Image.open(io.BytesIO(blobs.read_blob(row.image_sha, MAX_IMAGE_BYTES))) as image:
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            return (image.height, image.width) if turned else (image.width, image.height)
    except BROKEN as error:
        raise ApiProblem(415, "not_an_image", f"The image cannot be read: {error}") from error


def order_of(version: DatasetVersion) -> tuple[Policy, tuple[str, ...]]:
    """The dataset's order of objects and of classes, as its manifest gives them."""
    sha256 = next((f["sha256"] for f in version.output.files if f["path"] == MANIFEST), "")
    manifest = _manifest(sha256) if sha256 else {}
    classes = tuple(str(c["name"]) for c in manifest.get("classes", ()))
    return read_policy(manifest.get("object_order")), classes


def refused(error: GatehouseError) -> ApiProblem:
    """A library's refusal as an answer: what is wrong, and what to do about it."""
    where = f" ({error.where})" if error.where else ""
    message = f"{error.message}{where}" + (f" {error.hint}" if error.hint else "")
    return ApiProblem(422, error.code, message)


@functools.lru_cache(KEPT_MANIFESTS)
def _manifest(sha256: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(blobs.read_blob(sha256, MAX_JSON))
    return found


@functools.lru_cache(KEPT_IMAGES)
def _decoded(sha256: str) -> npt.NDArray[np.uint8]:
    data = blobs.read_blob(sha256, MAX_IMAGE_BYTES)
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG", "PNG"]) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ApiProblem(
                    415, "image_too_large",
                    f"A preview decodes at most {MAX_PIXELS:,} pixels.",
                )
            pixels = np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except BROKEN as error:
        raise ApiProblem(415, "not_an_image", f"The image cannot be read: {error}") from error
    pixels.setflags(write=False)
    return pixels
