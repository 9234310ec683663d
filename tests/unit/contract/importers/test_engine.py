"""What every import does alike: splits by ticket, tiny subsets, sizes, clipping, limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.contract.importers.source import Item, record_names
from mlcore.contract.importers.splits import drawn_splits, tiny_places
from mlcore.contract.reader import open_dataset
from mlcore.contract.validate import require_valid
from tests.support.datasets import encoded, picture
from tests.support.foreign import bring, coco_object, import_config, put_coco, put_picture

BOX = "0 0.1875 0.364583333 0.25 0.520833333\n"


def put_classes(root: Path, names: list[str]) -> None:
    """Pictures by path with one box each, and no split."""
    for number, name in enumerate(names):
        put_picture(root / f"{name}.jpg", number)
        (root / f"{name}.txt").write_text(BOX)
    (root / "classes.txt").write_text("RBC\n")


items = st.lists(st.sampled_from(["", "a", "b", "c", "d"]), min_size=2, max_size=40)


@given(items, st.floats(0.01, 0.99), st.integers(0, 9))
def test_a_ticket_is_in_one_split_and_both_splits_have_some(
    tickets: list[str], share: float, seed: int
) -> None:
    given_items = [Item(str(i), None, "f") for i in range(len(tickets))]
    config = import_config("voc", val_share=share, seed=seed)
    splits = drawn_splits(Path("/nowhere"), given_items, tickets, config)
    assert splits == drawn_splits(Path("/nowhere"), given_items, tickets, config)
    for name in set(tickets) - {""}:
        assert len({s for s, t in zip(splits, tickets, strict=True) if t == name}) == 1
    units = len(set(tickets) - {""}) + tickets.count("")
    assert (set(splits) == {"train", "val"}) == (units > 1)


def test_single_pictures_give_exactly_the_share() -> None:
    given_items = [Item(str(i), None, "f") for i in range(100)]
    drawn = [
        drawn_splits(Path("/nowhere"), given_items, [""] * 100, import_config("voc", seed=seed))
        for seed in (1, 2)
    ]
    assert [splits.count("val") for splits in drawn] == [20, 20]
    assert drawn[0] != drawn[1]


def test_the_ticket_is_what_the_pattern_finds_in_the_path(tmp_path: Path) -> None:
    root = tmp_path / "s"
    put_classes(root, [f"t{ticket}/{place}" for ticket in range(5) for place in "abc"])
    records, _, _ = bring(root, "yolo", ticket_pattern=r"^(t\d)/", val_share=0.4)
    assert {r.metadata["ticket"] for r in records.values()} == {f"t{i}" for i in range(5)}
    dataset = open_dataset(tmp_path / "out")
    sides = {s: {r.metadata["ticket"] for r in dataset.split(s)} for s in dataset.splits}
    assert len(sides["val"]) == 2
    assert not sides["val"] & sides["train"]


def test_equal_pictures_are_drawn_into_one_split(tmp_path: Path) -> None:
    root = tmp_path / "s"
    put_classes(root, [f"p{number:02}" for number in range(12)])
    for number in range(1, 12, 2):
        data = (root / f"p{number - 1:02}.jpg").read_bytes()
        (root / f"p{number:02}.jpg").write_bytes(data)
    records, rejects, report = bring(root, "yolo", val_share=0.5)
    assert (len(records), rejects) == (12, [])
    assert report["leakage"]["images"] == []
    assert require_valid(open_dataset(tmp_path / "out"), 0).valid == 12


def test_an_equal_picture_in_another_listed_split_is_rejected(tmp_path: Path) -> None:
    root = tmp_path / "s"
    for split in ("train", "val"):
        put_coco(root / split, [coco_object(0)], images=1, file="a.json")
    records, rejects, _ = bring(root, "coco")
    assert len(records) == 1
    assert [r["rule"] for r in rejects] == ["image.leak"]


def test_listed_splits_can_be_drawn_anew(tmp_path: Path) -> None:
    root = tmp_path / "s"
    for split, first in (("train", 0), ("test", 5)):
        for number in range(first, first + 5):
            put_picture(root / "images" / split / f"p{number}.jpg", number)
    (root / "classes.txt").write_text("RBC\n")
    bring(root, "yolo", splits="drawn", val_share=0.3)
    dataset = open_dataset(tmp_path / "out")
    assert {s: len(dataset.split(s)) for s in dataset.splits} == {"train": 7, "val": 3}


def test_tiny_subsets_are_named_keep_the_order_and_can_be_read_as_a_split(tmp_path: Path) -> None:
    root = tmp_path / "s"
    put_classes(root, [f"p{number:02}" for number in range(20)])
    bring(root, "yolo", tiny_train=5, tiny_val=100)
    dataset = open_dataset(tmp_path / "out")
    assert dataset.splits == ["train", "val"]
    subsets = json.loads((tmp_path / "out" / "dataset.json").read_text())["subsets"]
    assert {name: entry["records"] for name, entry in subsets.items()} == {
        "tiny_train": 5,
        "tiny_val": 4,
    }
    whole, tiny = dataset.split("train"), dataset.split("tiny_train")
    assert [r for r in whole if r in tiny] == tiny
    assert require_valid(dataset, 0).valid == 20


@given(st.integers(0, 50), st.integers(0, 60), st.integers(0, 5))
def test_a_tiny_subset_has_its_size_or_everything(total: int, size: int, seed: int) -> None:
    places = tiny_places(total, size, seed)
    assert len(places) == min(total, size)
    assert places == sorted(set(places)) == tiny_places(total, size, seed)


def test_the_limit_takes_the_first_pictures(tmp_path: Path) -> None:
    root = tmp_path / "s"
    put_classes(root, [f"p{number}" for number in range(9)])
    records, _, report = bring(root, "yolo", limit=4)
    assert sorted(records) == ["p0", "p1", "p2", "p3"]
    assert report["import"]["images"] == {"seen": 4, "kept": 4}


def test_the_order_of_objects_is_the_one_that_the_config_names(tmp_path: Path) -> None:
    boxes = [[30, 30, 9, 9], [4, 5, 16, 20], [40, 1, 8, 8]]
    put_coco(tmp_path / "s", [coco_object(0, bbox=box) for box in boxes])
    for policy, first in (("as_given", 30), ("reference_tlbr", 40)):
        records, _, _ = bring(tmp_path / "s", "coco", tmp_path / policy, object_order=policy)
        assert records["p0"].objects[0].points[0] == first
        manifest = json.loads((tmp_path / policy / "dataset.json").read_text())
        assert manifest["object_order"] == policy


def test_what_reaches_outside_can_be_clipped_and_is_counted(tmp_path: Path) -> None:
    boxes = [[50, 5, 30, 20], [70, 5, 5, 5]]
    put_coco(tmp_path / "s", [coco_object(0, bbox=box) for box in boxes])
    records, rejects, report = bring(tmp_path / "s", "coco", outside="clip")
    assert [o.points for o in records["p0"].objects] == [(50, 5, 64, 25)]
    assert [r["rule"] for r in rejects] == ["geometry.bounds"]
    assert report["import"]["changed_objects"] == {"clipped": 1}


def test_a_picture_of_another_scale_than_stated_can_have_its_geometry_rescaled(
    tmp_path: Path,
) -> None:
    root = tmp_path / "s"
    put_coco(root, [coco_object(0), coco_object(1)])
    put_picture(root / "p0.jpg", 0, 128, 96)
    put_picture(root / "p1.jpg", 1, 128, 48)
    assert [r["rule"] for r in bring(root, "coco")[1]] == ["image.size", "image.size"]
    records, rejects, report = bring(root, "coco", tmp_path / "b", stated_size="rescale")
    assert records["p0"].objects[0].points == (8, 10, 40, 60)
    assert [r["path"] for r in rejects] == ["images[1]"]
    assert report["import"]["changed_images"] == {"annotations_rescaled": 1}


def test_outlines_turn_with_their_picture(tmp_path: Path) -> None:
    root = tmp_path / "s"
    ring = [4, 5, 20, 5, 20, 30, 4, 30]
    put_coco(root, [coco_object(0, segmentation=[ring])], images=1)
    (root / "p0.jpg").write_bytes(encoded(picture(0), orientation=6))
    put_picture(root / "p1.jpg", 1)
    records, _, _ = bring(root, {"type": "coco", "geometry": "poly"}, points="as_drawn")
    assert records["p0"].objects[0].points == (43, 4, 43, 20, 18, 20, 18, 4)
    assert (records["p0"].width, records["p0"].height) == (48, 64)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/x.jpg", "b/y.png"], ["x", "y"]),
        (["a/x.jpg", "b/x.jpg"], ["a__x", "b__x"]),
        (["x.jpg", "x.jpg"], ["x", "x"]),
    ],
)
def test_ids_are_short_where_they_can_be(paths: list[str], names: list[str]) -> None:
    assert record_names(paths) == names


def test_two_pictures_with_one_id_keep_the_first(tmp_path: Path) -> None:
    put_coco(tmp_path / "s", [], images=1)
    content = json.loads((tmp_path / "s" / "all.json").read_text())
    content["images"].append({**content["images"][0], "id": 5})
    (tmp_path / "s" / "all.json").write_text(json.dumps(content))
    _, rejects, _ = bring(tmp_path / "s", "coco")
    assert [r["rule"] for r in rejects] == ["record.duplicate_id"]


def test_points_are_in_canonical_order_unless_the_config_says_otherwise(tmp_path: Path) -> None:
    ring = [20, 30, 4, 30, 4, 5, 20, 5]
    put_coco(tmp_path / "s", [coco_object(0, segmentation=[ring])])
    options = {"type": "coco", "geometry": "poly"}
    records, _, _ = bring(tmp_path / "s", options)
    assert records["p0"].objects[0].points == (4, 5, 20, 5, 20, 30, 4, 30)
    records, _, _ = bring(tmp_path / "s", options, tmp_path / "b", points="as_drawn")
    assert records["p0"].objects[0].points == tuple(ring)


def test_one_ticket_makes_one_split_and_a_valid_dataset(tmp_path: Path) -> None:
    put_classes(tmp_path / "s", ["t/a", "t/b"])
    bring(tmp_path / "s", "yolo", ticket_pattern="^t")
    dataset = open_dataset(tmp_path / "out")
    assert dataset.splits == ["train"]
    assert require_valid(dataset, 0).valid == 2
