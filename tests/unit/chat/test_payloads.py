"""An image in every form that programs give it, and what is refused."""
from __future__ import annotations

import base64
import io
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from mlcore.chat.messages import Picture, read_conversation, read_conversations, to_messages
from mlcore.chat.payloads import load_image
from mlcore.errors import DataError
from tests.support.scenes import make_image

ARRAY = make_image(5, 64, 32)


def png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(ARRAY).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "a b").mkdir(parents=True)
    (folder / "a b" / "x.png").write_bytes(png())
    (tmp_path / "outside.png").write_bytes(png())
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    return folder


def ask(part: object) -> list:
    return [{"role": "user", "content": [part, {"type": "text", "text": "?"}]}]


def picture(part: object) -> Picture:
    (found,) = read_conversation(ask(part), "x").pictures
    return found


DATA_URL = "data:image/png;base64," + base64.b64encode(png()).decode()
FORMS = {
    "path": lambda root: "a b/x.png",
    "absolute path below the root": lambda root: str(root / "a b" / "x.png"),
    "Path": lambda root: Path("a b/x.png"),
    "file URL": lambda root: f"file://{quote(str(root / 'a b' / 'x.png'))}",
    "file URL of localhost": lambda root: f"file://localhost{quote(str(root))}/a%20b/x.png",
    "data URL": lambda root: DATA_URL,
    "data URL in percent signs": lambda root: "data:image/png," + quote(png()),
    "bytes": lambda root: png(),
    "bytearray": lambda root: bytearray(png()),
    "Pillow image": lambda root: Image.fromarray(ARRAY),
    "array": lambda root: ARRAY,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_pixels(root: Path, form: str) -> None:
    value = FORMS[form](root)
    for part in (
        {"type": "image", "image": value},
        {"type": "image_url", "image_url": value},
    ):
        assert np.array_equal(load_image(picture(part).source, root, "x"), ARRAY)
    if isinstance(value, str):
        part = {"type": "image_url", "image_url": {"url": value}}
        assert np.array_equal(load_image(picture(part).source, root, "x"), ARRAY)


def test_an_image_in_memory_becomes_a_png_data_url_in_messages(root: Path) -> None:
    messages = to_messages(read_conversation(ask({"type": "image", "image": png()}), "x"))
    url = messages[0]["content"][0]["image"]
    assert url.startswith("data:image/png;base64,")
    assert np.array_equal(load_image(url, None, "x"), ARRAY)


def test_turned_photographs_are_set_upright() -> None:
    image = Image.fromarray(ARRAY)
    exif = image.getexif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    image.save(buffer, "PNG", exif=exif)
    source = picture({"type": "image", "image": buffer.getvalue()}).source
    assert load_image(source, None, "x").shape == (64, 32, 3)


@pytest.mark.parametrize(
    ("part", "message", "hint"),
    [
        ({"type": "image", "img": "x.png"}, "needs the key 'image', found 'img'", "'image'"),
        ({"type": "image", "path": "x.png"}, "found 'path'", "name of the type"),
        ({"type": "image", "image_url": "x.png"}, "found 'image_url'", "'image'"),
        ({"type": "image_url", "url": "x.png"}, "needs the key 'image_url'", "'image_url'"),
        ({"type": "img", "img": "x.png"}, "no part of type 'img'", "'image'"),
        ({"type": "video", "video": "x.mp4"}, "no part of type 'video'", "text, image"),
        ({"image": "x.png"}, "no part of type None", "Known"),
        ({"type": ["image"]}, "no part of type", "Known"),
        ({"type": "image", "image": "x.png", "max_pixels": 9}, "'max_pixels'", "never resized"),
        ({"type": "image_url", "image_url": {"uri": "x"}}, "'uri'", "'url'"),
        ({"type": "image_url", "image_url": {"url": "x", "detail": "low"}}, "'detail'", "url"),
        ({"type": "image_url", "image_url": {"url": 3}}, "no text", ""),
        ({"type": "image", "image": {"url": "x"}}, "not an object", "image_url"),
        ({"type": "image", "image": 3}, "cannot be a int", "path"),
        ({"type": "image", "image": ""}, "blank", ""),
        ({"type": "image", "image": "a\0b"}, "broken", ""),
        ({"type": "text", "text": 3}, "must be text", ""),
        ("x.png", "a part is an object", '"type"'),
    ],
)
def test_a_wrong_part_is_refused_with_its_place_and_a_hint(
    part: object, message: str, hint: str
) -> None:
    with pytest.raises(DataError) as caught:
        read_conversation(ask(part), "talk.json")
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.where.startswith("talk.json: messages[0].content[0]")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("../outside.png", "lies outside"),
        ("link.png", "lies outside"),
        ("/etc/hostname", "lies outside"),
        ("file:///etc/hostname", "lies outside"),
        ("file://server/x.png", "not a URL of a local file"),
        ("missing.png", "missing"),
        ("ftp://x/y.png", "no images from ftp"),
        ("data:text/plain;base64,AAAA", "must be of an image"),
        ("data:image/png;base64,!!!", "not base64"),
        ("data:image/png;base64,AAAA", "cannot be read"),
        ("http://example.org/x.png", "from the network"),
        ("HTTPS://example.org/x.png", "from the network"),
    ],
)
def test_what_may_not_or_cannot_be_read_says_so(root: Path, source: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load_image(source, root, "here")
    assert caught.value.where


def test_a_path_without_a_root_is_refused() -> None:
    with pytest.raises(DataError, match="no folder"):
        load_image("x.png", None, "x")


@pytest.mark.parametrize(
    "array", [ARRAY[..., 0], ARRAY.astype(np.float32), np.zeros((4, 4, 4), np.uint8)]
)
def test_an_array_of_another_kind_is_refused(array: np.ndarray) -> None:
    with pytest.raises(DataError, match="uint8"):
        load_image(picture({"type": "image", "image": array}).source, None, "x")


def test_sixteen_bit_images_are_refused_in_memory_too() -> None:
    deep = Image.fromarray(np.zeros((8, 8), np.uint16))
    with pytest.raises(DataError, match="not supported"):
        load_image(picture({"type": "image", "image": deep}).source, None, "x")


USER = {"role": "user", "content": "hello"}
REPLY = {"role": "assistant", "content": "hi"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "not empty"),
        ({"messages": []}, "not empty"),
        ({"message": [USER]}, "'message'"),
        ({}, "'nothing'"),
        (3, "must be a list"),
        ([3], "a message is an object"),
        ([{"role": "user", "contents": "x"}], "no key 'contents'"),
        ([{"role": "human", "content": "x"}], "no role 'human'"),
        ([{"role": "user", "content": []}], "not empty"),
        ([{"role": "user"}], "content must be"),
        ([{"role": "user", "content": "  "}], "blank"),
        ([REPLY], "expected a turn of the user"),
        ([USER, USER], "expected a turn of the assistant"),
        ([USER, REPLY, {"role": "system", "content": "x"}], "must be the first"),
        ([{"role": "system", "content": "x"}], "alone"),
        ([USER, {"role": "assistant", "content": [{"type": "image", "image": "x"}]}],
         "assistant holds an image"),
    ],
)
def test_a_conversation_that_cannot_be_one_is_refused(value: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_conversation(value, "x")


def test_conversations_in_a_file_are_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text('{"messages": [{"role": "user", "content": "a"}], "id": "n"}\n[\n')
    reader = read_conversations(path)
    assert next(reader).id == "n"
    with pytest.raises(DataError) as caught:
        next(reader)
    assert caught.value.where == "chat.jsonl:2"
