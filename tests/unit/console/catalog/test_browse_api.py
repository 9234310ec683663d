"""The endpoints below a dataset version, as a script sees them."""
from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from console.catalog.models import DatasetReject, DatasetVersion
from mlcore.contract.rules import RULES
from tests.support.many import register_many

pytestmark = pytest.mark.django_db
BASE = "/api/v1/projects/alpha/datasets/many/versions/1/"
COUNT = 100


@pytest.fixture
def version(project: Any) -> DatasetVersion:
    register_many(project, COUNT, rejects=20)
    return DatasetVersion.objects.get()


@pytest.fixture
def client(version: DatasetVersion, api: Any, viewer: Any) -> Any:
    return api(viewer)


def test_records_page_by_cursor_through_a_filter(client: Any) -> None:
    seen, cursor = [], ""
    while cursor is not None:
        page = client.get(f"{BASE}records/?class=标签&limit=7&cursor={cursor}").json()
        seen += [item["place"] for item in page["items"]]
        cursor = page["next_cursor"]
    places = client.get(f"{BASE}places/?class=标签").json()
    assert seen == places["places"]
    assert len(seen) == places["total"] > 7


def test_a_record_counts_its_classes(client: Any) -> None:
    item = client.get(f"{BASE}records/?objects=5-&limit=1").json()["items"][0]
    assert sum(item["classes"].values()) == item["n_objects"] == len(item["objects"])


def test_a_window_is_a_slice_of_what_passes(client: Any) -> None:
    body = client.get(f"{BASE}window/?first=95&count=10").json()
    assert (body["total"], body["first"]) == (COUNT, 95)
    assert [item["place"] for item in body["items"]] == [95, 96, 97, 98, 99]
    assert client.get(f"{BASE}window/?first=1000").json()["items"] == []
    some = client.get(f"{BASE}window/?split=val&first=2&count=1").json()
    assert (some["total"], some["items"][0]["place"]) == (10, 92)
    image = client.get(some["items"][0]["image"] + "?size=96")
    assert image.headers["Cache-Control"] == "private, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "query",
    ["window/?first=-1", "window/?count=401", "window/?first=x", "window/?objects=a",
     "window/?near=2", "window/?split=test", "window/?class=cat", "records/?cursor=eA",
     "records/?limit=0", "window/?" + "class=标签&" * 13, "places/?side=1-2-3",
     "near-duplicates/?kind=far", "rejects/export/?as=xlsx", "window/?clas=x"],
)  # fmt: skip
def test_a_bad_question_is_a_400_that_names_the_parameter(client: Any, query: str) -> None:
    response = client.get(BASE + query)
    assert response.status_code == 400
    assert response.json()["errors"]


def test_facets_say_how_many_more_there_are(client: Any) -> None:
    body = client.get(f"{BASE}facets/?split=val").json()
    assert body["total"] == 10
    val = next(f for f in body["facets"] if (f["kind"], f["label"]) == ("split", "val"))
    assert (val["images"], val["matching"]) == (10, 10)
    train = next(f for f in body["facets"] if (f["kind"], f["label"]) == ("split", "train"))
    assert (train["images"], train["matching"]) == (90, 0)


def test_the_report_comes_with_its_verdicts(client: Any) -> None:
    body = client.get(f"{BASE}report/").json()
    assert body["report"]["near_duplicates"]["groups"] == 10
    states = {v["name"]: v["state"] for v in body["verdicts"]}
    assert states["near"] == "bad"
    assert states["leakage"] == "ok"
    assert states["rejects"] == "bad"


def test_files_page_by_path(client: Any, version: DatasetVersion) -> None:
    page = client.get(f"{BASE}files/?limit=3").json()
    assert [f["path"] for f in page["items"]] == [f["path"] for f in version.output.files[:3]]
    after = client.get(f"{BASE}files/?limit=3&cursor={page['next_cursor']}").json()
    assert after["items"][0]["path"] == version.output.files[3]["path"]


def test_near_duplicates_across_splits_come_first(client: Any) -> None:
    items = client.get(f"{BASE}near-duplicates/?limit=200").json()["items"]
    assert [g["across_splits"] for g in items] == [True, True] + [False] * 8
    first = items[0]["images"]
    assert {image["split"] for image in first} == {"train", "val"}
    assert client.get(f"{first[1]['image']}?size=96").status_code == 200
    assert client.get(f"{BASE}near-duplicates/?kind=leak").json()["items"] == []


def test_rejects_filter_by_rule_and_text_and_say_the_rule(client: Any) -> None:
    found = client.get(f"{BASE}rejects/?rule=geometry.bounds").json()["items"]
    assert {item["code"] for item in found} == {"geometry.bounds"}
    assert found[0]["sentence"] == RULES["geometry.bounds"]
    some = client.get(f"{BASE}rejects/?text=cab-000003").json()["items"]
    assert [item["detail"]["line"] for item in some] == [10]


def test_rejects_download_as_csv_without_formulas(client: Any, version: DatasetVersion) -> None:
    DatasetReject.objects.create(
        version=version, place="a:1", code="line.json", message="=cmd()|x",
        detail={"file": "a", "line": 1},
    )
    response = client.get(f"{BASE}rejects/export/?rule=line.json")
    text = response.getvalue().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["message"] for row in rows] == ["'=cmd()|x"]
    assert rows[0]["sentence"].startswith("A line is one complete JSON value")
    assert "many-v1-rejects.csv" in response.headers["Content-Disposition"]


def test_rejects_download_as_json_lines_with_everything(client: Any) -> None:
    text = client.get(f"{BASE}rejects/export/?as=jsonl").getvalue().decode()
    rows = [json.loads(line) for line in text.splitlines()]
    assert len(rows) == 20
    assert rows[0]["record"] == '{"id": "x"}'


GOOD = {
    "id": "a", "images": ["a.jpg"], "width": 9, "height": 9, "coord_space": "pixel", "objects": [],
}  # fmt: skip


def test_lines_are_checked_without_their_images(client: Any) -> None:
    bad = {**GOOD, "id": "b", "objects": [{"desc": "x", "bbox_2d": [0, 0, 20, 5]}]}
    text = "\n".join([json.dumps(GOOD), json.dumps(bad), "{", json.dumps(GOOD)])
    url = "/api/v1/projects/alpha/datasets/validate/"
    response = client.send("post", url, {"text": text, "filename": "mine.jsonl"})
    body = response.json()
    assert response.status_code == 200
    assert (body["records"], body["valid"], body["rejected"]) == (4, 1, 3)
    found = [(p["line"], p["path"], p["rule"]) for p in body["problems"]]
    assert found == [
        (2, "objects[0].bbox_2d", "geometry.bounds"), (3, "", "line.json"),
        (4, "id", "record.duplicate_id"),
    ]  # fmt: skip
    assert {p["file"] for p in body["problems"]} == {"mine.jsonl"}
    assert len(body["fingerprint"]) == 64


def test_no_lines_is_an_answer_and_too_many_are_refused(client: Any) -> None:
    url = "/api/v1/projects/alpha/datasets/validate/"
    assert client.send("post", url, {"text": "\n"}).json()["rejected"] == 1
    assert client.send("post", url, {"text": "x" * 8_000_001}).status_code == 422
    assert client.send("post", url, {}).status_code == 422
