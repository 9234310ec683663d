"""What changed between two versions: counts, lists, fields, exports."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from console.api.problems import ApiProblem
from console.catalog import diffs
from console.catalog.models import DatasetVersion
from console.catalog.services import register_output
from mlcore.contract.records import Record, SceneObject
from mlcore.contract.writer import DatasetWriter
from tests.support.outputs import FakeRun, picture, upload_folder

pytestmark = pytest.mark.django_db
Rows = list[tuple[str, Record]]
BOX = SceneObject("类别=螺丝", "bbox_2d", (1, 2, 10, 20))
Make = Callable[[Rows], DatasetVersion]


def rec(name: str, **changes: Any) -> Record:
    base = Record(name, (f"images/{name}.png",), 64, 48, "pixel", (BOX,), "one", {"ticket": name})
    return replace(base, **changes)


@pytest.fixture
def make(project: Any, tmp_path: Path) -> Make:
    """Registers a version with these records; the colour of a picture is in `metadata`."""
    made: list[int] = []

    def make_(rows: Rows) -> DatasetVersion:
        made.append(1)
        folder = tmp_path / str(len(made))
        writer = DatasetWriter(folder, "set", ("train", "val"))
        for split, record in rows:
            color = record.metadata.get("color", "red")
            writer.add_image(record.images[0], picture(record.width, record.height, color))
            writer.add(split, replace(record, metadata={"ticket": record.metadata["ticket"]}))
        writer.finish()
        up = upload_folder(folder)
        run = FakeRun(f"r{len(made)}", "set", project)
        register_output(run, "dataset", "dataset", up.digest, up.files, {})
        return DatasetVersion.objects.get(number=len(made))

    return make_


def fields(old: DatasetVersion, new: DatasetVersion) -> dict[str, list[str]]:
    places = diffs.diff(old, new).places("changed")
    return {row.id: row.fields for row in diffs.changes_at(old, new, "changed", places)}


def test_records_are_added_removed_changed_or_the_same(make: Make) -> None:
    old = make([("train", rec(n)) for n in "abcd"])
    new = make([("train", rec(n)) for n in "xbc"] + [("val", rec("y"))])
    new_c = make([("train", rec("b")), ("train", rec("c", objects=()))])
    assert diffs.diff(old, new).counts() == {"added": 2, "removed": 2, "changed": 0, "same": 2}
    assert diffs.diff(new, new_c).counts() == {"added": 0, "removed": 2, "changed": 1, "same": 1}
    assert diffs.diff(old, old).counts() == {"added": 0, "removed": 0, "changed": 0, "same": 4}


def test_a_changed_record_says_which_fields_differ(make: Make) -> None:
    names = ["objects", "image", "path", "size", "summary", "split", "other", "same"]
    old = make([("train", rec(n)) for n in names])
    moved = SceneObject("类别=螺丝", "bbox_2d", (1, 2, 11, 20))
    new = make([
        ("train", rec("objects", objects=(moved,))),
        ("train", rec("image", metadata={"ticket": "image", "color": "blue"})),
        ("train", rec("path", images=("images/moved.png",))),
        ("train", rec("size", width=60)),
        ("train", rec("summary", summary="two")),
        ("val", rec("split")),
        ("train", rec("other", metadata={"ticket": "another"})),
        ("train", rec("same")),
    ])  # fmt: skip
    found = fields(old, new)
    assert found.pop("size") == ["image", "size"]
    assert found == {n: [n] for n in names if n not in ("same", "size")}


def test_the_order_of_lines_is_no_change(make: Make) -> None:
    old = make([("train", rec(n)) for n in "abc"])
    new = make([("train", rec(n)) for n in "cab"])
    assert diffs.diff(old, new).counts()["same"] == 3


def test_lists_go_in_the_order_of_the_version_that_is_shown(make: Make) -> None:
    old = make([("train", rec(n)) for n in "abc"])
    new = make([("train", rec(n, summary="new")) for n in "cab"])
    places = diffs.diff(old, new).places("changed")
    rows = diffs.changes_at(old, new, "changed", places[1:])
    assert [(row.id, row.old.summary, row.new.summary) for row in rows if row.old and row.new] == [
        ("a", "one", "new"), ("b", "one", "new"),
    ]  # fmt: skip


def test_one_record_in_both_versions(make: Make) -> None:
    old, new = make([("train", rec("a"))]), make([("val", rec("b"))])
    added = diffs.change_of(old, new, "b")
    assert (added.old, added.new is not None, added.fields) == (None, True, [])
    with pytest.raises(ApiProblem, match="Neither version has a record 'c'"):
        diffs.change_of(old, new, "c")


def test_the_api_counts_lists_and_exports_changes(make: Make, api: Any, viewer: Any) -> None:
    make([("train", rec(n)) for n in ("a", "=b", "c")])
    make([("train", rec("a", summary="two")), ("train", rec("d"))])
    base = "/api/v1/projects/alpha/datasets/set/versions/2/diff/"
    client = api(viewer)
    body = client.get(f"{base}?against=1").json()
    assert body == {"old": 1, "new": 2, "added": 1, "removed": 2, "changed": 1, "same": 0}
    page = client.get(f"{base}records/?against=1&change=removed&limit=1").json()
    assert [item["id"] for item in page["items"]] == ["=b"]
    assert page["items"][0]["new"] is None
    url = f"{base}records/?against=1&change=removed&limit=1&cursor={page['next_cursor']}"
    assert [item["id"] for item in client.get(url).json()["items"]] == ["c"]
    changed = client.get(f"{base}records/?against=1").json()["items"]
    assert [(item["id"], item["fields"]) for item in changed] == [("a", ["summary"])]
    text = client.get(f"{base}export/?against=1").getvalue().decode("utf-8-sig")
    assert text.splitlines()[0].startswith("change,id,fields,old_split")
    assert "removed,'=b,," in text
    rows = client.get(f"{base}export/?against=1&as=jsonl&change=added").getvalue().decode()
    assert '"change":"added","id":"d"' in rows
    assert rows.count("\n") == 1


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 400), ("against=x", 400), ("against=9", 404), ("against=1&change=lost", 400),
     ("against=1&cursor=x", 400)],
)  # fmt: skip
def test_a_bad_question_is_refused(
    make: Make, api: Any, viewer: Any, query: str, status: int
) -> None:
    make([("train", rec("a"))])
    base = "/api/v1/projects/alpha/datasets/set/versions/1/diff/records/"
    assert api(viewer).get(f"{base}?{query}").status_code == status
