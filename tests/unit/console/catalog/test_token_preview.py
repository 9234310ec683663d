"""A record as a model sees it: the renderer's tokens, each with what it means."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from console.api.problems import ApiProblem
from console.catalog import token_preview
from console.catalog.models import DatasetRecord, DatasetVersion
from console.catalog.services import register_output
from console.catalog.token_preview import TokenChoice, model_choices, preview_tokens
from mlcore.chat.kit import IMAGES, TOKENIZER
from mlcore.contract.records import Record, SceneObject
from mlcore.contract.writer import DatasetWriter
from mlcore.run.context import BUILTIN
from tests.support.outputs import FakeRun, picture, upload, upload_folder
from tests.support.people import browser

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
SCREW, LABEL = "类别=螺丝,符合性=符合", "类别=标签"
OBJECTS = (
    SceneObject(SCREW, "bbox_2d", (10, 12, 30, 40)),
    SceneObject(LABEL, "poly", (1, 1, 60, 1, 60, 30, 1, 30)),
    SceneObject(SCREW, "bbox_2d", (10, 12, 30, 40)),
)


def make_version(project: Any, folder: Path, *records: Record, side: int = 64) -> DatasetVersion:
    writer = DatasetWriter(folder, "cabinets", ("train",))
    for record in records:
        writer.add_image(record.images[0], picture(side, side))
        writer.add("train", record)
    writer.finish()
    up = upload_folder(folder)
    run = FakeRun("r1", "cabinets", project)
    register_output(run, "dataset", "dataset", up.digest, up.files, {})
    return DatasetVersion.objects.get()


def scene(name: str = "a", side: int = 64, **changes: Any) -> Record:
    values: dict[str, Any] = {"objects": OBJECTS, "summary": "螺丝×2，标签×1", **changes}
    return Record(name, (f"images/{name}.png",), side, side, "pixel", **values)


@pytest.fixture
def row(project: Any, tmp_path: Path) -> DatasetRecord:
    return make_version(project, tmp_path / "d", scene()).records.select_related("version").get()


def chips(preview: Any) -> list[Any]:
    return [chip for turn in preview.turns for chip in turn.chips]


def test_every_token_is_counted_once_and_images_are_folded(project: Any, row: Any) -> None:
    preview = preview_tokens(project, row, TokenChoice())
    assert [turn.role for turn in preview.turns] == ["user", "assistant"]
    assert sum(chip.tokens for chip in chips(preview)) == preview.total
    assert sum(preview.counts.values()) == preview.total
    images = [chip for chip in chips(preview) if chip.name == "image"]
    assert [(chip.tokens, chip.grid) for chip in images] == [(4, [2, 2])]
    learned = [chip for chip in chips(preview) if chip.supervised]
    assert {chip.name for chip in learned} == {"desc", "coord", "format", "eos"}
    assert sum(chip.tokens for chip in learned) == preview.supervised


def test_descriptions_and_coordinates_know_their_object(project: Any, row: Any) -> None:
    preview = preview_tokens(project, row, TokenChoice())
    places = {row.objects_json[c.object]["desc"] for c in chips(preview) if c.name == "desc"}
    assert places == {SCREW, LABEL}
    named = [chip.object for chip in chips(preview) if chip.name == "desc"]
    assert sorted(named) == [0, 1, 2], "two equal objects are two objects"
    for index, entry in enumerate(row.objects_json):
        flat = next(entry[k] for k in ("bbox_2d", "poly", "line") if k in entry)
        coords = [c for c in chips(preview) if c.name == "coord" and c.object == index]
        assert [c.axis for c in coords] == ["x", "y"] * (len(flat) // 2)
        assert [c.at for c in coords] == pytest.approx(flat, abs=0.05)


@pytest.mark.parametrize("field_order", ["desc_first", "geometry_first"])
@pytest.mark.parametrize("emit_norm", ["none", "norm100", "norm1000"])
def test_numbers_of_the_other_grammar_know_their_object_too(
    project: Any, row: Any, emit_norm: str, field_order: str
) -> None:
    choice = TokenChoice(grammar="objectjson", emit_norm=emit_norm, field_order=field_order)
    preview = preview_tokens(project, row, choice)
    assert sorted(c.object for c in chips(preview) if c.name == "desc") == [0, 1, 2]
    step = 64 / 99 if emit_norm == "norm100" else 0.6
    for index, entry in enumerate(row.objects_json):
        flat = next(entry[k] for k in ("bbox_2d", "poly", "line") if k in entry)
        coords = [c for c in chips(preview) if c.name == "coord" and c.object == index]
        assert [c.at for c in coords] == pytest.approx(flat, abs=step)


def test_a_domain_pack_stands_in_the_system_turn(project: Any, row: Any) -> None:
    preview = preview_tokens(project, row, TokenChoice(profile="dense", domain="bbu", limit=9999))
    assert [turn.role for turn in preview.turns] == ["system", "user", "assistant"]
    assert not any(chip.supervised for chip in preview.turns[0].chips)


def test_the_summary_is_the_other_task(project: Any, row: Any) -> None:
    preview = preview_tokens(project, row, TokenChoice(mode="summary", limit=10))
    assert [c.text for c in chips(preview) if c.name == "summary"] == ["螺丝×2，标签×1"]
    assert preview.as_json()["over_limit"] is True


def test_what_the_model_cannot_take_is_said(project: Any, tmp_path: Path) -> None:
    version = make_version(project, tmp_path / "odd", scene("odd", 60, summary=None), side=60)
    row = version.records.select_related("version").get()
    with pytest.raises(ApiProblem, match="multiples of 32"):
        preview_tokens(project, row, TokenChoice())


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (TokenChoice(model="builtin:../../etc"), "ships with"),
        (TokenChoice(model="model:nobody@1"), "no model named nobody"),
        (TokenChoice(model="dataset:cabinets@1"), "no tokenizer.json"),
        (TokenChoice(profile="poetry"), "'poetry' is not one of"),
        (TokenChoice(profile="dense"), "needs a domain"),
        (TokenChoice(profile="dense", domain="bbu", mode="summary"), "no prompt for the task"),
        (TokenChoice(mode="both"), "mode is one of"),
        (TokenChoice(grammar="xml"), "'xml' is no answer grammar"),
    ],
)
def test_a_choice_that_does_not_exist_is_refused(
    project: Any, row: Any, choice: TokenChoice, words: str
) -> None:
    with pytest.raises(ApiProblem, match=words):
        preview_tokens(project, row, choice)


def test_a_registered_model_renders_with_its_own_tokenizer(project: Any, row: Any) -> None:
    files = {name: (BUILTIN / "base" / name).read_bytes() for name in (TOKENIZER, IMAGES)}
    for name, more in (("tuned", files), ("bare", {"model.safetensors": b"x"})):
        up = upload(more)
        run = FakeRun(f"run-{name}", name, project)
        register_output(run, "model", "model", up.digest, up.files, {})
    assert model_choices(project) == ["builtin:base", "model:tuned@1"]
    preview = preview_tokens(project, row, TokenChoice(model="model:tuned@1"))
    assert preview.total == preview_tokens(project, row, TokenChoice()).total


def test_kits_are_kept_and_bounded(project: Any, row: Any) -> None:
    preview_tokens(project, row, TokenChoice())
    before = token_preview._shipped.cache_info().misses
    preview_tokens(project, row, TokenChoice(mode="summary"))
    assert token_preview._shipped.cache_info().misses == before
    assert token_preview._registered.cache_info().maxsize == token_preview.KEPT_KITS


def test_the_page_shows_the_turns_and_carries_its_settings(viewer: Any, row: Any) -> None:
    base = f"/p/alpha/datasets/cabinets/1/records/{row.pk}/"
    client = browser(viewer)
    page = client.get(base, {"tab": "model", "mode": "summary"}).content.decode()
    assert "螺丝×2，标签×1" in page
    assert "4 image tokens, 2 × 2" in page
    assert client.get(base, {"tab": "nothing"}).status_code == 404
    assert client.get(base, {"tab": "model", "length": "many"}).status_code == 400
    refused = client.get(base, {"tab": "model", "model": "model:nobody@1"})
    assert refused.status_code == 200
    assert "no model named nobody" in refused.content.decode()


def test_the_api_gives_the_same(api: Any, viewer: Any, row: Any) -> None:
    url = f"/api/v1/projects/alpha/datasets/cabinets/versions/1/records/{row.pk}/tokens/"
    body = api(viewer).get(url, {"length": "1000"}).json()
    assert body["total"] == sum(c["tokens"] for t in body["turns"] for c in t["chips"])
    assert body["over_limit"] is False
    assert api(viewer).get(url, {"mode": "both"}).status_code == 422
    assert api(viewer).get(url, {"moed": "dense"}).status_code == 400


def test_previews_need_no_torch() -> None:
    modules = "console.catalog.record_tabs, console.catalog.preview_views"
    code = (
        "import django, sys; django.setup()\n"
        f"import {modules}\n"
        "heavy = {'torch', 'transformers', 'scipy', 'shapely'} & set(sys.modules)\n"
        "sys.exit(f'imports {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
