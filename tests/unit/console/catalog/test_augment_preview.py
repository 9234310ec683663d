"""The augmentation of a record as a page shows it: the pipeline's own work, kept and bounded."""
from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np
import pytest

from console.api.problems import ApiProblem
from console.catalog import augment_preview
from console.catalog.augment_presets import PRESETS, preset_named
from console.catalog.augment_preview import AugmentChoice, picture, preview_augmentation
from console.catalog.configs import check_text
from console.catalog.models import DatasetRecord
from console.catalog.record_tabs import augment_choice, augmentation_shown
from mlcore.augment.load import read_augmentation
from mlcore.contract.records import SceneObject
from mlcore.errors import ConfigError
from mlcore.train.config import DataConfig, SftConfig
from tests.support.people import browser
from tests.unit.console.catalog.test_token_preview import make_version, scene

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
FLIP = "ops:\n- type: hflip\n  prob: 1.0\n"
PASTE = "ops:\n- type: small_object_zoom_paste\n  prob: 1.0\n  source_mode: bank\n"
TURN = "ops:\n- type: rotate\n  prob: 1.0\n  max_deg: 30\n"


@pytest.fixture
def row(project: Any, tmp_path: Path) -> DatasetRecord:
    return make_version(project, tmp_path / "d", scene()).records.select_related("version").get()


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.name)
def test_a_preset_is_a_valid_augmentation(preset: Any, row: DatasetRecord) -> None:
    assert read_augmentation(preset.text).ops
    assert preview_augmentation(row, AugmentChoice(preset.text)).width
    assert preset_named(preset.name) is preset


def test_picture_and_objects_move_together(row: DatasetRecord) -> None:
    made = preview_augmentation(row, AugmentChoice(FLIP))
    assert [made.objects[made.links.index(i)]["desc"] for i in range(3)] == [
        o["desc"] for o in row.objects_json
    ]
    assert made.objects[made.links.index(0)]["bbox_2d"] == [34, 12, 54, 40]
    assert made.telemetry["applied"] == ["hflip"]
    assert [(f["kept"], f["coverage"]) for f in made.fates] == [(True, 1.0)] * 3
    pixels = cv2.imdecode(np.frombuffer(picture(row, made.key), np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape == (64, 64, 3)


def test_the_same_choice_is_the_same_picture_and_another_seed_another(row: DatasetRecord) -> None:
    choice = AugmentChoice(TURN, seed=1)
    first, again = preview_augmentation(row, choice), preview_augmentation(row, choice)
    assert (first.key, first.objects) == (again.key, again.objects)
    for changes in ({"seed": 2}, {"epoch": 1}):
        other = preview_augmentation(row, replace(choice, **changes))
        assert other.key != first.key
        assert other.telemetry["matrix"] != first.telemetry["matrix"]


def test_the_place_in_training_counts_only_with_a_curriculum(row: DatasetRecord) -> None:
    plain = [preview_augmentation(row, AugmentChoice(TURN, position=p)).key for p in (0, 900)]
    assert plain[0] == plain[1]
    text = preset_named("curriculum").text
    made = [preview_augmentation(row, AugmentChoice(text, position=p)) for p in (0, 900)]
    assert made[0].key != made[1].key
    assert (made[1].step, made[1].total_steps) == (900, 1000)


def test_phases_that_end_at_steps_stretch_the_slider(row: DatasetRecord) -> None:
    phase = "  - until_step: 8000\n    ops:\n      hflip: {prob: 0.0}\n"
    text = f"{FLIP}curriculum:\n  phases:\n{phase}"
    made = preview_augmentation(row, AugmentChoice(text, position=1000))
    assert (made.step, made.total_steps) == (10_000, 10_000)
    assert made.telemetry["applied"] == []


def test_dropped_objects_are_told_with_their_reason_and_the_summary_follows(
    project: Any, tmp_path: Path
) -> None:
    version = make_version(project, tmp_path / "d", scene())
    row = version.records.select_related("version").get()
    made = preview_augmentation(row, AugmentChoice("ops:\n- type: center_crop\n  share: 0.3\n"))
    lost = [fate for fate in made.fates if not fate["kept"]]
    assert lost
    assert all(fate["reason"] for fate in lost)
    assert made.summary_after != made.summary_before


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("ops:\n- type: hflop\n", 2, "did you mean 'hflip'"),
        ("ops:\n- type: hflip\n  prob: 2\n", 3, "less than or equal to 1"),
        ("ops:\n- type: hflip\nbypas_prob: 1\n", 3, "did you mean"),
        ("", 1, ""),
    ],
)
def test_a_wrong_text_is_told_by_line(
    row: DatasetRecord, text: str, line: int, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        preview_augmentation(row, AugmentChoice(text))
    assert [p.line for p in caught.value.problems] == [line]
    assert words in caught.value.problems[0].message


@pytest.mark.parametrize(
    "text",
    [
        "ops:\n" + "- type: hflip\n" * 41,
        "ops:\n" + "- type: resize_by_scale\n  lo: 9.0\n  hi: 10.0\n" * 3,
    ],
)
def test_what_would_cost_too_much_is_refused(row: DatasetRecord, text: str) -> None:
    with pytest.raises(ApiProblem) as caught:
        preview_augmentation(row, AugmentChoice(text))
    assert caught.value.code == "too_costly"


def test_ops_that_paste_from_others_get_a_small_bank(project: Any, tmp_path: Path) -> None:
    small = SceneObject("类别=螺丝", "bbox_2d", (10, 12, 20, 22))
    records = [scene(name, objects=(small,), summary=None) for name in "abc"]
    version = make_version(project, tmp_path / "d", *records)
    row = version.records.select_related("version").order_by("pk").first()
    made = [preview_augmentation(row, AugmentChoice(PASTE, seed=s)) for s in (0, 0, 1)]
    assert made[0].objects == made[1].objects
    pasted = [one for preview in made for one in preview.telemetry["pasted"]]
    assert pasted
    assert all(one["record"] != row.record_id for one in pasted)
    assert all(preview.links.count(None) == len(preview.telemetry["pasted"]) for preview in made)


def test_too_many_at_once_are_told_to_wait(row: DatasetRecord, monkeypatch: Any) -> None:
    monkeypatch.setattr(augment_preview, "PATIENCE_S", 0.01)
    for _slot in range(augment_preview.AT_ONCE):
        augment_preview._slots.acquire()
    try:
        with pytest.raises(ApiProblem) as caught:
            preview_augmentation(row, AugmentChoice(FLIP))
    finally:
        augment_preview._slots.release(augment_preview.AT_ONCE)
    assert (caught.value.status_code, caught.value.headers) == (503, {"Retry-After": "2"})
    assert preview_augmentation(row, AugmentChoice(FLIP)).key


def test_old_pictures_are_forgotten(row: DatasetRecord, monkeypatch: Any) -> None:
    monkeypatch.setattr(augment_preview, "KEPT_PICTURES", 3)
    keys = [preview_augmentation(row, AugmentChoice(TURN, seed=s)).key for s in range(5)]
    assert picture(row, keys[-1])
    with pytest.raises(ApiProblem, match="not kept"):
        picture(row, keys[0])


@pytest.mark.parametrize("key", ["", "..", "g" * 64, "A" * 64, "/etc/passwd"])
def test_a_key_that_is_none_finds_nothing(row: DatasetRecord, key: str) -> None:
    with pytest.raises(ApiProblem):
        picture(row, key)


@pytest.mark.parametrize("values", [{"seed": "-1"}, {"epoch": "x"}, {"position": "1001"}])
def test_numbers_out_of_range_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(ApiProblem, match="whole number"):
        augment_choice({"text": FLIP, **values})


def test_page_and_api_give_picture_and_problems(
    api: Any, viewer: Any, row: DatasetRecord
) -> None:
    base = f"/p/alpha/datasets/cabinets/1/records/{row.pk}/"
    client = browser(viewer)
    page = client.get(base, {"tab": "augment", "seed": "7", "preset": "colours"}).content.decode()
    assert "color_jitter" in page
    assert client.get(base, {"tab": "augment", "seed": "-7"}).status_code == 400
    shown = client.post(base + "augment", {"text": FLIP, "seed": 1}, "application/json").json()
    assert shown["problems"] == []
    image = client.get(shown["after"]["image"])
    assert image.headers["Content-Type"] == "image/jpeg"
    assert "sandbox" in image.headers["Content-Security-Policy"]
    wrong = client.post(base + "augment", {"text": "ops: 1"}, "application/json").json()
    assert wrong["problems"][0]["line"] == 1
    assert wrong["after"] is None

    url = f"/api/v1/projects/alpha/datasets/cabinets/versions/1/records/{row.pk}/augment/"
    made = api(viewer).send("POST", url, {"text": FLIP}).json()
    assert made["image"] == shown["after"]["image"].replace(
        shown["after"]["image"].split("/")[-2], made["image"].split("/")[-2]
    )
    assert api(viewer).get(made["image"]).status_code == 200
    refused = api(viewer).send("POST", url, {"text": "ops:\n- type: hflop\n"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["line"] == 2


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.name)
def test_what_is_shown_leads_to_a_training_with_it(preset: Any, row: DatasetRecord) -> None:
    text = augmentation_shown(row, AugmentChoice(preset.text))["run_text"]
    checked = check_text(text)
    assert checked.problems == []
    assert checked.loaded is not None
    config = checked.loaded.model
    assert isinstance(config, SftConfig)
    assert isinstance(config.data, DataConfig)
    assert config.data.dataset == row.version.ref == "dataset:cabinets@1"
    assert config.data.augmentation == read_augmentation(preset.text)


def test_the_page_links_to_the_launch_with_the_text_of_now(
    operator: Any, viewer: Any, row: DatasetRecord
) -> None:
    base = f"/p/alpha/datasets/cabinets/1/records/{row.pk}/"
    client = browser(operator)
    page = client.get(base, {"tab": "augment", "ops": FLIP}).content.decode()
    link = re.search(r'data-use [^>]*href="([^"]+)"', page)
    assert link is not None
    target = urlsplit(html.unescape(link[1]))
    query = parse_qs(target.query)
    assert query["kind"] == ["sft"]
    assert "hflip" in query["text"][0]
    assert 'aria-disabled="true"' not in page
    launch = client.get(target.path, {key: values[0] for key, values in query.items()})
    assert launch.status_code == 200
    assert "dataset:cabinets@1" in launch.content.decode()
    edited = client.post(base + "augment", {"text": TURN}, "application/json").json()
    assert "rotate" in edited["run_text"]
    wrong = client.post(base + "augment", {"text": "ops: 1"}, "application/json").json()
    assert wrong["run_text"] == ""
    page = client.get(base, {"tab": "augment", "ops": "ops: 1"}).content.decode()
    assert 'aria-disabled="true"' in page
    page = browser(viewer).get(base, {"tab": "augment", "ops": FLIP}).content.decode()
    assert "data-use" not in page, "who may not launch is not led there"


def test_where_pasted_patches_come_from_is_said_only_when_some_are_pasted(
    viewer: Any, row: DatasetRecord
) -> None:
    base = f"/p/alpha/datasets/cabinets/1/records/{row.pk}/"
    client = browser(viewer)
    said = "first 24 records of this version"
    page = client.get(base, {"tab": "augment", "ops": PASTE}).content.decode()
    assert said in page
    edited = client.post(base + "augment", {"text": PASTE}, "application/json").json()
    assert said in edited["told"]
    assert said not in client.get(base, {"tab": "augment", "ops": FLIP}).content.decode()
    client.cookies["django_language"] = "zh-hans"
    page = client.get(base, {"tab": "augment", "ops": PASTE}).content.decode()
    assert "前 24 条记录" in page


def test_the_links_to_the_records_beside_stay_links(
    viewer: Any, project: Any, tmp_path: Path
) -> None:
    version = make_version(project, tmp_path / "d", scene("a"), replace(scene("b")))
    a, b = version.records.order_by("pk")
    base = f"/p/alpha/datasets/cabinets/1/records/{a.pk}/"
    for text in (FLIP, "ops: 1"):
        page = browser(viewer).get(base, {"tab": "augment", "ops": text}).content.decode()
        link = re.search(r'data-next href="([^"]+)"', page)
        assert link is not None
        assert f"/records/{b.pk}/" in link[1]


def test_a_picture_belongs_to_its_record(project: Any, tmp_path: Path) -> None:
    version = make_version(project, tmp_path / "d", scene("a"), replace(scene("b")))
    a, b = version.records.select_related("version").order_by("pk")
    DatasetRecord.objects.filter(pk=b.pk).update(image_sha="0" * 64)
    b.refresh_from_db()
    key = preview_augmentation(a, AugmentChoice(FLIP)).key
    assert picture(a, key)
    with pytest.raises(ApiProblem):
        picture(b, key)
