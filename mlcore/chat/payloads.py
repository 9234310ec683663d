"""The parts of hand-written messages: text, and images in every form that programs use.

An image is given as a path below a root, a file URL, a data URL, bytes of an image file, a Pillow
image or a uint8 array [H, W, 3]; http(s) URLs only where a fetcher is given. Nothing is resized.
"""
from __future__ import annotations

import base64
import binascii
import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes, urlsplit

import numpy as np
import numpy.typing as npt
from PIL import Image

from mlcore.errors import DataError
from mlcore.models.images import decode_rgb, read_rgb, rgb_of
from mlcore.near import did_you_mean

PART_TYPES = ("text", "image", "image_url")
RgbImage = npt.NDArray[np.uint8]
Fetch = Callable[[str], bytes]
"""the bytes behind an http(s) URL; `mlcore.chat.fetch` makes one"""
MAX_DATA_URL = 64 * 1024 * 1024
"""characters of a data URL"""


@dataclass(frozen=True, eq=False)
class InMemory:
    """An image that is not named by text: bytes of a file, a Pillow image, or an array."""

    value: bytes | Image.Image | RgbImage


ImageSource = str | InMemory
"""a path or URL, or an image in memory"""


@dataclass(frozen=True)
class ImagePart:
    """An image part that has passed the check."""

    source: ImageSource


def check_part(value: object, where: str) -> str | ImagePart:
    """The text of a text part, or the source of an image part.

    Raises DataError naming `where` for anything else: an unknown type, a value under another key
    than its type's name, further keys.
    """
    if not isinstance(value, Mapping):
        raise DataError(
            "a part is an object with a type", hint='For example {"type": "text", "text": ...}.',
            where=where,
        )
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in PART_TYPES:
        raise DataError(
            f"no part of type {kind!r}", hint=did_you_mean(str(kind), PART_TYPES), where=where
        )
    others = sorted(str(key) for key in value if key not in ("type", kind))
    if kind not in value:
        found = f", found {others[0]!r}" if others else ""
        raise DataError(
            f"a part of type {kind} needs the key {kind!r}{found}",
            hint=f"Did you mean {kind!r}? The key of the value is the name of the type.",
            where=where,
        )
    if others:
        raise DataError(
            f"a part of type {kind} has no key {others[0]!r}",
            hint="It has `type` and its value, nothing else; images are never resized.",
            where=f"{where}.{others[0]}",
        )
    inner = value[kind]
    if kind == "text":
        if not isinstance(inner, str):
            raise DataError("text must be text", where=f"{where}.text")
        return inner
    return ImagePart(_source(inner, f"{where}.{kind}", mapping=kind == "image_url"))


def load_image(
    source: ImageSource, root: Path | None, where: str, fetch: Fetch | None = None
) -> RgbImage:
    """The image as uint8 [H, W, 3], upright.

    Paths are relative to `root` and must stay inside it, links resolved. Raises DataError for an
    image that cannot be read, a path outside, or an http(s) URL without a fetcher.
    """
    if isinstance(source, InMemory):
        return _in_memory(source.value, where)
    scheme = _scheme(source)
    if scheme == "data":
        return decode_rgb(io.BytesIO(_data_bytes(source, where)), where)
    if scheme in ("http", "https"):
        if fetch is None:
            raise DataError(
                f"{image_name(source)} would be fetched from the network",
                hint="Give --allow-http on the command line; nothing else ever fetches.",
                where=where,
            )
        return decode_rgb(io.BytesIO(fetch(source)), where)
    path = _file_path(source, where) if scheme == "file" else source
    if scheme not in ("", "file"):
        raise DataError(
            f"no images from {scheme}: URLs", hint="Known: file, data, http, https.", where=where
        )
    return read_rgb(_inside(path, root, where))


def image_name(source: ImageSource) -> str:
    """A short name for messages and errors: the path, or what kind of data it is."""
    if isinstance(source, InMemory):
        return f"image in memory ({type(source.value).__name__})"
    if _scheme(source) == "data" and len(source) > 120:
        digest = hashlib.sha256(source.encode()).hexdigest()[:12]
        return f"{source.partition(',')[0]},... ({len(source)} characters, sha256 {digest})"
    return source


def data_url(source: InMemory) -> str:
    """An image in memory as a PNG data URL, which `load_image` reads back to the same pixels."""
    buffer = io.BytesIO()
    Image.fromarray(_in_memory(source.value, "image")).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _source(value: Any, where: str, *, mapping: bool) -> ImageSource:
    if isinstance(value, Mapping):
        if not mapping:
            raise DataError(
                "an image is not an object",
                hint='Write {"type": "image_url", "image_url": {"url": ...}} for this form.',
                where=where,
            )
        if set(value) != {"url"} or not isinstance(value["url"], str):
            wrong = sorted(str(key) for key in value if key != "url")
            raise DataError(
                f"image_url is text or {{\"url\": text}}, found {wrong or 'no text'}",
                hint=did_you_mean(wrong[0], ["url"]) if wrong else "", where=where,
            )
        return _not_blank(value["url"], where)
    if isinstance(value, str):
        return _not_blank(value, where)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return InMemory(bytes(value))
    if isinstance(value, Image.Image | np.ndarray):
        return InMemory(value)
    raise DataError(
        f"an image cannot be a {type(value).__name__}",
        hint="Give a path, a URL, bytes, a Pillow image or a uint8 array [H, W, 3].", where=where,
    )


def _not_blank(text: str, where: str) -> str:
    if not text.strip() or "\0" in text:
        raise DataError("the image's path or URL is blank or broken", where=where)
    return text


def _in_memory(value: bytes | Image.Image | RgbImage, where: str) -> RgbImage:
    if isinstance(value, bytes):
        return decode_rgb(io.BytesIO(value), where)
    if isinstance(value, Image.Image):
        return rgb_of(value, where)
    if value.dtype != np.uint8 or value.ndim != 3 or value.shape[2] != 3:
        raise DataError(
            f"an array must be uint8 [H, W, 3], is {value.dtype} {list(value.shape)}",
            hint="Values are 0..255 in the order red, green, blue.", where=where,
        )
    return value


def _scheme(text: str) -> str:
    """The URL scheme, lower case; "" for a path. One letter is no scheme but a drive."""
    head, colon, _ = text.partition(":")
    named = colon and len(head) > 1 and head.isascii() and head.replace("+", "").isalnum()
    return head.lower() if named else ""


def _data_bytes(url: str, where: str) -> bytes:
    if len(url) > MAX_DATA_URL:
        raise DataError("the data URL is longer than 64 MiB", where=where)
    head, comma, body = url[len("data:") :].partition(",")
    if not comma or not head.lower().startswith("image/"):
        raise DataError(
            "a data URL must be of an image", hint="data:image/png;base64,...", where=where
        )
    if not head.lower().endswith(";base64"):
        return unquote_to_bytes(body)
    try:
        return base64.b64decode(unquote(body), validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError(f"the data URL is not base64: {error}", where=where) from error


def _file_path(url: str, where: str) -> str:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
        raise DataError(f"not a URL of a local file: {url}", where=where)
    return unquote(parts.path)


def _inside(path: str, root: Path | None, where: str) -> Path:
    if root is None:
        raise DataError("there is no folder to read images from", where=where)
    base = root.resolve()
    found = (base / path).resolve()
    if not found.is_relative_to(base):
        raise DataError(
            f"{path} lies outside {base}", hint="Give the folder that holds it as --root.",
            where=where,
        )
    return found
