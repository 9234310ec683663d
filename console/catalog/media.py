"""Serving files that jobs and people made, so that nothing in them can act in the browser.

JPEG and PNG (by their bytes, not their name) and plain text may show inline; everything else,
HTML and SVG above all, is a download. Previews are decoded and encoded again.
"""
from __future__ import annotations

import io
import os
import re
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.utils.http import content_disposition_header
from PIL import Image, ImageOps, UnidentifiedImageError

from console.api.etags import etag_of, not_modified
from console.api.problems import ApiProblem
from console.catalog import blobs
from console.security.headers import INERT_POLICY

FOREVER = "private, max-age=31536000, immutable"
PREVIEW_SIZES = (96, 160, 320, 640, 1280, 2048)
MAX_IMAGE_BYTES = 64 * 2**20
_TEXT_NAMES = re.compile(r"\.(txt|log|json|jsonl|ya?ml|csv|md)\Z", re.IGNORECASE)
_CHUNK = 256 * 1024
_MAKING = threading.BoundedSemaphore(max(1, (os.cpu_count() or 2) - 1))


def inline_type(head: bytes, name: str) -> str | None:
    """The media type under which a file may show inline, or None when it may not."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if _TEXT_NAMES.search(name) and b"\x00" not in head:
        return "text/plain; charset=utf-8"
    return None


def file_response(
    request: HttpRequest, sha256: str, name: str, *, download: bool = False
) -> HttpResponseBase:
    """A blob as an answer: inert, cacheable by its hash, inline only where that is harmless.

    `name` is what the file is called when saved. Raises ApiProblem 404 when there is no blob.
    """
    etag = etag_of(sha256)
    if not_modified(request, etag):
        return _inert(HttpResponse(status=304), etag)
    file = blobs.open_blob(sha256)
    head = file.read(512)
    file.seek(0)
    media = None if download else inline_type(head, name)
    size = blobs.path_of(sha256).stat().st_size
    response = _streamed(request, file)
    response.headers["Content-Type"] = media or "application/octet-stream"
    response.headers["Content-Length"] = str(size)
    saved = Path(name.replace("\\", "/")).name or sha256
    response.headers["Content-Disposition"] = content_disposition_header(
        media is None, saved
    ) or "inline"
    return _inert(response, etag)


def preview_response(request: HttpRequest, sha256: str, size: int) -> HttpResponseBase:
    """An image made small: longest side at most `size` pixels, upright, JPEG, without metadata.

    Raises ApiProblem 400 for a size not in PREVIEW_SIZES, 415 for what is no image or too large.
    """
    if size not in PREVIEW_SIZES:
        allowed = ", ".join(str(s) for s in PREVIEW_SIZES)
        raise ApiProblem(
            400, "bad_parameter", f"size is one of {allowed}.",
            errors=[{"parameter": "size", "detail": f"one of {allowed}"}],
        )
    etag = etag_of(sha256, size)
    if not_modified(request, etag):
        return _inert(HttpResponse(status=304), etag)
    data = _preview(sha256, size)
    return _inert(HttpResponse(data, content_type="image/jpeg"), etag)


def _preview(sha256: str, size: int) -> bytes:
    # Made once: the name holds all that the bytes depend on.
    cached = Path(settings.STATE_DIR) / "previews" / sha256[:2] / f"{sha256}-{size}.jpg"
    if cached.is_file():
        return cached.read_bytes()
    with _MAKING:
        # Somebody who scrolls asks for many at once: decoding must leave a core to the pages.
        data = make_preview(blobs.read_blob(sha256, MAX_IMAGE_BYTES), size)
    cached.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = cached.with_name(f".{cached.name}-{id(data)}")
    beside.write_bytes(data)
    beside.replace(cached)
    return data


def make_preview(data: bytes, size: int) -> bytes:
    """JPEG bytes of the image. Raises ApiProblem 415 for what is no image or has more pixels than
    MAX_IMAGE_PIXELS; the header is read before any pixel is decoded."""
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG", "PNG"]) as image:
            if image.width * image.height > settings.MAX_IMAGE_PIXELS:
                raise ApiProblem(
                    415, "image_too_large",
                    f"The image has more than {settings.MAX_IMAGE_PIXELS:,} pixels.",
                )
            image.draft("RGB", (size, size))
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0)
            out = io.BytesIO()
            upright.convert("RGB").save(out, "JPEG", quality=82)
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ApiProblem(415, "not_an_image", f"The file cannot be shown: {error}") from error
    return out.getvalue()


def _streamed(request: HttpRequest, file: BinaryIO) -> HttpResponseBase:
    if isinstance(request, ASGIRequest):
        # A synchronous iterator would be read into memory as a whole under ASGI.
        return StreamingHttpResponse(_chunks(file))
    return FileResponse(file)


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    read = sync_to_async(file.read, thread_sensitive=False)
    try:
        while chunk := await read(_CHUNK):
            yield chunk
    finally:
        file.close()


def _inert(response: HttpResponseBase, etag: str) -> HttpResponseBase:
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = FOREVER
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = INERT_POLICY
    return response
