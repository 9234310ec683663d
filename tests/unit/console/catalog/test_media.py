"""Images and files: what shows inline, what is a download, what is refused."""
from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from PIL import Image

from console.api.problems import ApiProblem
from console.catalog import media
from console.catalog.models import DatasetVersion
from console.catalog.services import register_output
from tests.support.outputs import FakeRun, make_dataset, picture, upload, upload_folder
from tests.support.people import browser

pytestmark = pytest.mark.django_db
URL = "/api/v1/projects/alpha/datasets/cabinets/versions/1/"


@pytest.fixture
def version(project: Any, tmp_path: Path) -> DatasetVersion:
    up = upload_folder(make_dataset(tmp_path / "d"))
    run = FakeRun("r1", "cabinets", project)
    register_output(run, "dataset", "dataset", up.digest, up.files, {})
    return DatasetVersion.objects.get()


def serve(rf: Any, data: bytes, name: str, **options: Any) -> Any:
    up = upload({name: data})
    return media.file_response(rf.get("/"), up.files[0]["sha256"], name, **options)


def test_records_page_with_their_images(api: Any, viewer: Any, version: DatasetVersion) -> None:
    client = api(viewer)
    first = client.get(f"{URL}records/?limit=3").json()
    second = client.get(f"{URL}records/?limit=3&cursor={first['next_cursor']}").json()
    ids = [row["id"] for row in first["items"] + second["items"]]
    assert ids == ["train-0", "train-1", "train-2", "val-0", "val-1"]
    assert second["next_cursor"] is None
    response = client.get(first["items"][0]["image"])
    assert response.headers["Content-Type"] == "image/png"
    assert len(b"".join(response.streaming_content)) > 50


def test_records_filter_over_the_api(api: Any, viewer: Any, version: DatasetVersion) -> None:
    client = api(viewer)
    found = client.get(f"{URL}records/", {"split": "train", "class": "标签", "objects": "1-"})
    assert [row["id"] for row in found.json()["items"]] == ["train-1"]
    for wrong in ({"split": "test"}, {"objects": "many"}, {"objects": "-"}, {"class__name": "x"}):
        assert client.get(f"{URL}records/", wrong).status_code == 400


def test_a_preview_is_small_upright_and_encoded_anew(
    api: Any, viewer: Any, version: DatasetVersion
) -> None:
    key = version.records.first().pk  # type: ignore[union-attr]
    client = api(viewer)
    response = client.get(f"{URL}images/{key}/?size=96")
    assert response.headers["Content-Type"] == "image/jpeg"
    with Image.open(io.BytesIO(response.content)) as image:
        assert image.size == (64, 48)
    again = client.get(f"{URL}images/{key}/?size=96", headers={
        "If-None-Match": response.headers["ETag"]
    })
    assert again.status_code == 304
    assert client.get(f"{URL}images/{key}/?size=97").status_code == 400


def test_images_are_inert_and_cached_privately(viewer: Any, version: DatasetVersion) -> None:
    key = version.records.first().pk  # type: ignore[union-attr]
    response = browser(viewer).get(f"{URL}images/{key}/")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response.headers["Content-Security-Policy"]
    assert response.headers["Cache-Control"].startswith("private")


def test_a_record_of_another_version_is_not_served(
    api: Any, viewer: Any, version: DatasetVersion
) -> None:
    assert api(viewer).get(f"{URL}images/{10**6}/").status_code == 404


def test_images_of_a_foreign_project_do_not_exist(
    api: Any, outsider: Any, version: DatasetVersion
) -> None:
    key = version.records.first().pk  # type: ignore[union-attr]
    assert api(outsider).get(f"{URL}images/{key}/").status_code == 404
    assert api().get(f"{URL}images/{key}/").status_code == 401


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"<html><script>alert(1)</script>", "page.html"),
        (b"<html><script>alert(1)</script>", "photo.jpg"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "drawing.svg"),
        (b"%PDF-1.7", "paper.pdf"),
        (b"GIF89a<script>", "moving.gif"),
        (b"\x80\x04\x95", "model.pkl"),
    ],
)
def test_what_could_act_is_a_download(rf: Any, data: bytes, name: str) -> None:
    response = serve(rf, data, name)
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in response.headers["Content-Security-Policy"]


def test_an_async_server_streams_a_file_piece_by_piece(
    api: Any, viewer: Any, version: DatasetVersion
) -> None:
    headers = {"Authorization": f"Bearer {api(viewer).secret}"}

    async def read() -> tuple[Any, bytes]:
        client = AsyncClient()
        response = await client.get(f"{URL}file/?path=dataset.json", headers=headers)
        return response, b"".join([part async for part in response.streaming_content])

    response, body = async_to_sync(read)()
    assert json.loads(body)["schema"] == "dataset/2"
    assert int(response.headers["Content-Length"]) == len(body)


@pytest.mark.parametrize("name", ["log.txt", "report.json", "rejects.jsonl", "config.yaml"])
def test_text_shows_as_plain_text_whatever_it_holds(rf: Any, name: str) -> None:
    response = serve(rf, b"<script>alert(1)</script>", name)
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_a_file_name_cannot_break_out_of_the_header(rf: Any) -> None:
    sha256 = upload({"a": b"x"}).files[0]["sha256"]
    response = media.file_response(rf.get("/"), sha256, 'a/b\\c"\r\nSet-Cookie: x=1')
    assert "\n" not in response.headers["Content-Disposition"]
    assert "b" not in response.headers["Content-Disposition"].partition("filename")[2][:2]


def test_a_file_is_downloaded_by_a_listed_path_only(
    api: Any, viewer: Any, version: DatasetVersion
) -> None:
    client = api(viewer)
    good = client.get(f"{URL}file/", {"path": "dataset.json"})
    assert good.headers["Content-Disposition"].startswith("attachment")
    for path in ("../dataset.json", "/etc/passwd", "%2e%2e/x", "images", ""):
        assert client.get(f"{URL}file/", {"path": path}).status_code == 404


def test_a_turned_photograph_is_shown_upright() -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 100), "blue").save(out, "JPEG", exif=exif)
    with Image.open(io.BytesIO(media.make_preview(out.getvalue(), 96))) as image:
        assert image.height > image.width
        assert not image.getexif()


def test_an_image_with_too_many_pixels_is_refused_before_decoding(settings: Any) -> None:
    settings.MAX_IMAGE_PIXELS = 100
    with pytest.raises(ApiProblem) as caught:
        media.make_preview(picture(64, 48), 96)
    assert caught.value.code == "image_too_large"


@pytest.mark.parametrize("data", [b"", b"nonsense", picture()[:60], b"<svg/>"])
def test_what_is_no_image_is_a_415(data: bytes) -> None:
    with pytest.raises(ApiProblem) as caught:
        media.make_preview(data, 96)
    assert caught.value.status_code == 415


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "I;16", "CMYK", "1"])
def test_every_common_colour_mode_can_be_previewed(mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (40, 30)).save(out, "JPEG" if mode == "CMYK" else "PNG")
    with Image.open(io.BytesIO(media.make_preview(out.getvalue(), 96))) as image:
        assert (image.mode, image.size) == ("RGB", (40, 30))
