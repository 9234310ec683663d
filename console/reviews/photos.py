"""Photographs that were handed in with more than one ticket, found by their looks."""
from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from console.accounts.models import Project
from console.catalog import blobs
from console.catalog.media import MAX_IMAGE_BYTES
from console.reviews.models import Photo
from console.reviews.sources import Evidence
from mlcore.contract.neighbours import MAX_DISTANCE, dhash

BLANK = 6
"""hashes with fewer bits on, or off, are of pictures without content: they look alike by chance"""
_CHUNK = 512
Match = tuple[Photo, Photo, int]


def note_photos(project: Project, tickets: Mapping[str, Evidence]) -> list[Photo]:
    """Remember the images of tickets; returns those that are new."""
    wanted: dict[tuple[str, str], Photo] = {}
    for key, evidence in tickets.items():
        for number, image in enumerate(evidence.images, 1):
            if image.get("sha256"):
                photo = Photo(
                    project=project, ticket_key=key, group_id=evidence.group_id, number=number,
                    name=image["name"], sha256=image["sha256"], dhash=image.get("dhash", ""),
                )
                wanted.setdefault((photo.group_id, photo.sha256), photo)
    groups = sorted({group for group, _sha in wanted})
    known: set[tuple[str, str]] = set()
    for start in range(0, len(groups), 500):
        rows = Photo.objects.filter(project=project, group_id__in=groups[start : start + 500])
        known.update(rows.values_list("group_id", "sha256"))
    fresh = [photo for place, photo in wanted.items() if place not in known]
    for photo in fresh:
        photo.dhash = photo.dhash or _looks(photo.sha256)
    return Photo.objects.bulk_create(fresh, batch_size=500)


def reused(project: Project, fresh: Sequence[Photo]) -> list[Match]:
    """Pairs of a new photo and one of another group that looks the same, with the distance in
    bits; for each new photo the nearest of each other ticket."""
    fresh = [photo for photo in fresh if _has_content(photo.dhash)]
    rows = list(Photo.objects.filter(project=project).exclude(dhash="").values_list("pk", "dhash"))
    if not fresh or not rows:
        return []
    keys = np.array([pk for pk, _hash in rows], dtype=np.int64)
    hashes = np.array([int(value, 16) for _pk, value in rows], dtype=np.uint64)
    near: list[tuple[Photo, int, int]] = []
    for start in range(0, len(fresh), _CHUNK):
        part = fresh[start : start + _CHUNK]
        mine = np.array([int(photo.dhash, 16) for photo in part], dtype=np.uint64)
        bits: NDArray[np.uint8] = np.bitwise_count(mine[:, None] ^ hashes[None])
        for left, right in zip(*np.nonzero(bits <= MAX_DISTANCE), strict=True):
            near.append((part[left], int(keys[right]), int(bits[left, right])))
    others = Photo.objects.in_bulk([pk for _photo, pk, _bits in near])
    best: dict[tuple[int, str], Match] = {}
    for photo, pk, distance in near:
        other = others[pk]
        place = (photo.pk, other.ticket_key)
        if other.group_id != photo.group_id and (
            place not in best or distance < best[place][2]
        ):
            best[place] = (photo, other, distance)
    return list(best.values())


def evidence_entry(match: Match) -> dict[str, Any]:
    """What a ticket's evidence says of a match."""
    photo, other, distance = match
    return {
        "image": photo.number, "ticket_key": other.ticket_key, "name": other.name,
        "sha256": other.sha256, "distance": distance,
    }


def _has_content(value: str) -> bool:
    return bool(value) and BLANK <= int(value, 16).bit_count() <= 64 - BLANK


def _looks(sha256: str) -> str:
    """The perceptual hash of an image in the store; empty when it cannot be read."""
    try:
        data = blobs.read_blob(sha256, MAX_IMAGE_BYTES)
        with Image.open(io.BytesIO(data), formats=["JPEG", "PNG"]) as image:
            image.draft("RGB", (256, 256))
            upright = ImageOps.exif_transpose(image).convert("RGB")
            return f"{dhash(np.asarray(upright)):016x}"
    except (blobs.BlobError, UnidentifiedImageError, OSError, Image.DecompressionBombError):
        return ""
