"""The content-addressed store: BLOB_ROOT/ab/<sha256>, one regular file per blob.

Names come from hashes that we computed, never from a client's path. A blob is written beside,
synced and linked into place, so a file under its final name is complete.
"""
from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from console.api.problems import ApiProblem
from console.catalog.models import Blob

SHA256 = re.compile(r"[0-9a-f]{64}")
CHUNK = 2**20
_QUERY_SIZE = 5000


class BlobError(ApiProblem):
    """A blob that cannot be taken or given."""


def path_of(sha256: str) -> Path:
    """Where a blob lies. Raises BlobError unless it is 64 small hex digits."""
    if not SHA256.fullmatch(sha256):
        raise BlobError(400, "blob_name", "A blob is named by 64 small hex digits.")
    return Path(settings.BLOB_ROOT) / sha256[:2] / sha256


def put(sha256: str, chunks: Iterable[bytes]) -> Blob:
    """Store bytes under the hash that they must have; the same blob again changes nothing.

    Raises BlobError when the hash differs, or past MAX_BLOB_BYTES.
    """
    path_of(sha256)

    def check(_path: Path, found: str) -> None:
        if found != sha256:
            raise BlobError(
                422, "blob_mismatch", f"The bytes hash to {found}, not to {sha256}."
            )

    return take(chunks, settings.MAX_BLOB_BYTES, check)


def take(chunks: Iterable[bytes], limit: int, check: Callable[[Path, str], None]) -> Blob:
    """Store bytes under the hash that they turn out to have. `check` gets the complete file and
    its hash before it has its name, and raises to refuse it.

    Raises BlobError past `limit` bytes.
    """
    root = Path(settings.BLOB_ROOT)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=root)
    try:
        with os.fdopen(descriptor, "wb") as file:
            size, sha256 = _write(file, chunks, limit)
            file.flush()
            os.fsync(file.fileno())
        check(Path(name), sha256)
        target = path_of(sha256)
        target.parent.mkdir(exist_ok=True, mode=0o700)
        Path(name).replace(target)
        _sync_folder(target.parent)
    finally:
        Path(name).unlink(missing_ok=True)
    blob, _ = Blob.objects.get_or_create(sha256=sha256, defaults={"size": size})
    return blob


def put_bytes(data: bytes) -> Blob:
    """Store bytes of ours under their hash."""
    return put(hashlib.sha256(data).hexdigest(), [data])


def open_blob(sha256: str) -> BinaryIO:
    """The blob's bytes. Raises BlobError 404 when there is none.

    The folder must resolve inside the store and the file must be a regular one: links planted in
    the store are refused, not followed.
    """
    path = path_of(sha256)
    root = Path(settings.BLOB_ROOT).resolve()
    if path.parent.resolve().parent != root:
        raise BlobError(404, "no_such_blob", f"There is no blob {sha256}.")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise BlobError(404, "no_such_blob", f"There is no blob {sha256}.") from error
    return os.fdopen(descriptor, "rb")


def read_blob(sha256: str, limit: int) -> bytes:
    """A blob's bytes, at most `limit` of them. Raises BlobError when it is larger or missing."""
    with open_blob(sha256) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise BlobError(413, "blob_too_large", f"The blob is larger than {limit:,} bytes.")
    return data


def missing(hashes: Sequence[str]) -> list[str]:
    """Those of the hashes that the store does not hold, in their order, each once."""
    wanted = list(dict.fromkeys(hashes))
    paths = {sha256: path_of(sha256) for sha256 in wanted}
    known = sizes(wanted)
    return [s for s in wanted if s not in known or not paths[s].is_file()]


def sizes(hashes: Sequence[str]) -> dict[str, int]:
    """Size in bytes of each blob that is known."""
    found: dict[str, int] = {}
    for start in range(0, len(hashes), _QUERY_SIZE):
        part = hashes[start : start + _QUERY_SIZE]
        found.update(Blob.objects.filter(sha256__in=part).values_list("sha256", "size"))
    return found


def _write(file: BinaryIO, chunks: Iterable[bytes], limit: int) -> tuple[int, str]:
    """Size and hash of what was written."""
    digest = hashlib.sha256()
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise BlobError(413, "blob_too_large", f"A blob has at most {limit:,} bytes.")
        digest.update(chunk)
        file.write(chunk)
    return size, digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
