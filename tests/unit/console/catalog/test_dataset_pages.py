"""Pages of a dataset: what they say, what they say of old versions, where they lead."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from console.catalog import reports
from console.catalog.models import DatasetVersion
from console.catalog.services import register_output
from tests.support import people
from tests.support.many import register_many
from tests.support.outputs import FakeRun, make_dataset, upload_folder

pytestmark = pytest.mark.django_db
BASE = "/p/alpha/datasets/many/"
PAGES = ["", "1/browse/", "1/report/", "1/rejects/", "1/near/", "diff/", "1/browse/?class=标签"]


@pytest.fixture
def version(project: Any) -> DatasetVersion:
    register_many(project, 100, rejects=20)
    return DatasetVersion.objects.get()


@pytest.fixture
def client(version: DatasetVersion, viewer: Any) -> Any:
    return people.browser(viewer)


def old_version(project: Any, folder: Path, report: dict[str, Any] | None) -> DatasetVersion:
    """A version that an earlier release made: a report of the first form, or none."""
    make_dataset(folder)
    if report is None:
        (folder / "report.json").unlink()
    else:
        (folder / "report.json").write_text(json.dumps(report))
    up = upload_folder(folder)
    register_output(FakeRun("old", "old", project), "dataset", "dataset", up.digest, up.files, {})
    return DatasetVersion.objects.get(dataset__name="old")


@pytest.mark.parametrize("place", PAGES)
def test_every_page_answers(client: Any, place: str) -> None:
    assert client.get(BASE + place).status_code == 200


def test_the_first_glance_says_whether_the_data_can_be_trusted(client: Any) -> None:
    html = client.get(BASE).content.decode()
    assert "10 groups of near-duplicates, 2 across splits." in html
    assert "20 rejects beside 100 records: 16.7 %." in html
    assert "No image and no ticket is in more than one split." in html
    assert f"{BASE}1/rejects/" in html
    assert f"{BASE}1/near/" in html


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        ({"schema": "dataset_report/1", "images": 5, "negatives": {"objects": 0, "images": 0}},
         "is of an older form and did not look for near-duplicates"),
        (None, "has no quality report, so nobody looked for near-duplicates"),
        ({}, "has no quality report"),
    ],
)  # fmt: skip
def test_an_old_version_says_what_was_not_checked(
    project: Any, viewer: Any, tmp_path: Path, report: dict[str, Any] | None, sentence: str
) -> None:
    version = old_version(project, tmp_path / "d", report)
    states = {v.name: v.state for v in reports.verdicts(version)}
    assert (states["near"], states["leakage"]) == ("unknown", "unknown")
    client = people.browser(viewer)
    for place in ("", "1/report/", "1/near/"):
        response = client.get(f"/p/alpha/datasets/old/{place}")
        assert response.status_code == 200
        if place != "1/near/":
            assert sentence in response.content.decode()
    assert "Nobody looked for them" in client.get("/p/alpha/datasets/old/1/near/").content.decode()


@pytest.mark.parametrize(
    ("report", "state"),
    [
        ({"leakage": {"images": [], "tickets": []}}, "ok"),
        ({"leakage": {"images": [{"sha256": "a", "images": [{"split": "train", "id": "train-0"}]}],
                      "tickets": []}}, "bad"),
        ({"leakage": {"images": [], "tickets": [{"ticket": "T1", "splits": ["train", "val"]}]}},
         "bad"),
    ],
)  # fmt: skip
def test_a_leak_is_a_problem(
    project: Any, tmp_path: Path, report: dict[str, Any], state: str
) -> None:
    full = {"schema": "dataset_report/2", **report}
    version = old_version(project, tmp_path / "d", full)
    found = next(v for v in reports.verdicts(version) if v.name == "leakage")
    assert found.state == state
    assert bool(found.page) == (state == "bad")


def test_classes_are_counted_with_their_negatives(version: DatasetVersion) -> None:
    rows = reports.class_rows(version)
    assert sum(row.objects for row in rows) == version.n_objects
    assert [row.objects for row in rows] == sorted((r.objects for r in rows), reverse=True)
    first = rows[0]
    assert 0 < first.negative < first.objects
    assert {a["key"] for a in first.attributes} == {"符合性", "可见性", "问题"}


def test_histograms_cover_every_record_once(version: DatasetVersion) -> None:
    sides, per_image = reports.histograms(version)[:2]
    assert sum(bar.n for bar in sides["bars"]) == version.n_records
    assert sum(bar.n for bar in per_image["bars"]) == version.n_records


def test_the_record_page_steps_within_the_filter_and_leads_back(client: Any) -> None:
    version = DatasetVersion.objects.get()
    from console.catalog import browse
    from console.catalog.browse import RecordFilter

    places = browse.select(version, RecordFilter(classes=("标签",))).places
    row = browse.rows_at(version, places[2:3])[0]
    html = client.get(f"{BASE}1/records/{row.pk}/?class=标签").content.decode()
    assert "browse/?class=%E6%A0%87%E7%AD%BE&amp;at=2" in html
    assert "data-next" in html


def test_rejects_lead_to_their_rule_and_downloads_keep_the_filter(client: Any) -> None:
    html = client.get(f"{BASE}1/rejects/?rule=image.missing&text=cab").content.decode()
    assert "The image file exists." in html
    assert "rejects/export/?rule=image.missing&amp;text=cab&amp;as=csv" in html


def test_the_changed_record_is_shown_side_by_side(client: Any, project: Any) -> None:
    register_many(project, 100, rejects=20, changed=8)
    html = client.get(f"{BASE}diff/?from=1&to=2").content.decode()
    assert "92 records are the same." in html
    assert "diff/record/?from=1&amp;to=2&amp;id=cab-000002" in html
    page = client.get(f"{BASE}diff/record/?from=1&to=2&id=cab-000002").content.decode()
    assert page.count("data-shot") == 2
    assert "Only in the old version" in page
    assert "This is version 1, not the newest." in client.get(f"{BASE}?v=1").content.decode()


@pytest.mark.parametrize(
    ("place", "status"),
    [("2/browse/", 404), ("1/browse/?class=cat", 400), ("1/browse/?objects=x", 400),
     ("1/near/?kind=x", 400), ("diff/?change=x", 400), ("diff/?from=7", 404),
     ("diff/record/?id=none", 400), ("1/rejects/?cursor=x", 400)],
)  # fmt: skip
def test_a_page_that_is_not_there_says_so(client: Any, place: str, status: int) -> None:
    assert client.get(BASE + place).status_code == status
