"""The evaluate job from a config file to the files it leaves."""
from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlcore.contract.records import Record
from mlcore.coordjson.format import AnswerFormat, write_answer
from mlcore.evaluate.match import match_image, read_answer, truth_things
from mlcore.evaluate.showing import choose
from mlcore.evaluate.statistics import figure_at
from mlcore.run.events import read_events
from mlcore.run.exits import ExitCode
from mlcore.run.runner import RunOptions, execute
from tests.support.answers import (
    four_records,
    record,
    right,
    say,
    write_dataset,
    write_predictions,
)

AVERAGES = ("ap", "ap50", "ap75", "segm.ap", "segm.ap50", "segm.ap75")


class World:
    """A dataset, predictions by name, and one run of the job."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.records = four_records()
        self.dataset = write_dataset(root / "dataset", self.records)
        self.systems: dict[str, Path] = {}

    def add(self, name: str, *args: Any, **meta: Any) -> None:
        self.systems[name] = write_predictions(self.root / name, self.records, *args, **meta)

    def run(self, reference: str = "model", **settings: Any) -> ExitCode:
        lines = ["kind: evaluate", f"dataset: {self.dataset}", f"reference: {reference}",
                 "bootstrap: 100", *(f"{k}: {v}" for k, v in settings.items()), "predictions:"]
        lines += [f"  {name}: {path}" for name, path in self.systems.items()]
        config = self.root / "evaluate.yaml"
        config.write_text("\n".join(lines) + "\n")
        return execute(config, RunOptions(run_dir=self.root / "run"))

    @property
    def output(self) -> Path:
        return self.root / "run" / "artifacts" / "evaluation"

    @property
    def report(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.output / "report.json").read_text())
        return loaded

    def events(self, type_: str) -> list[dict[str, Any]]:
        path = self.root / "run" / "events" / "attempt-1.jsonl"
        return [e for e in read_events(path) if e["type"] == type_]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def half(item: Record) -> str:
    return say(item.objects[:1])


def twice(predictions: Path) -> None:
    """Every answer of a system a second time, as its second draw."""
    rows = predictions / "predictions.jsonl"
    lines = [json.loads(line) for line in rows.read_text().splitlines()]
    again = [{**line, "draw": draw} for draw in (0, 1) for line in lines]
    rows.write_text("".join(json.dumps(line) + "\n" for line in again))


def test_two_systems_side_by_side(world: World) -> None:
    world.add("model", right, lambda r: r.summary or "", model_digest="a" * 64)
    world.add("constant", half)
    assert world.run() == ExitCode.OK
    report = world.report
    assert report["schema"] == "evaluation/1"
    assert report["model_digest"] == "a" * 64
    assert report["systems"]["model"]["f1_50"]["value"] == 1.0
    assert report["systems"]["model"]["summary"]["exact_match"]["value"] == 1.0
    constant = report["systems"]["constant"]
    assert constant["f1_50"]["recall"] == 3 / 7
    assert report["deltas"]["constant"]["f1_50"] == pytest.approx(1 - constant["f1_50"]["value"])
    low, high = report["delta_intervals"]["constant"]["f1_50"]
    assert low <= report["deltas"]["constant"]["f1_50"] <= high
    headline = report["headline"]
    assert headline["f1_50"] == {"value": 1.0, "unit": "share", "n": 7, "ci95": [1.0, 1.0]}
    assert headline["f1_50_over_best_other"]["value"] == report["deltas"]["constant"]["f1_50"]
    assert headline["f1_50_over_best_other"]["ci95"] == [low, high]
    of_the_run = json.loads((world.root / "run" / "report.json").read_text())
    assert list(of_the_run["headline"]) == list(headline)
    assert {**of_the_run, "headline": headline} == report


def test_average_precision_and_the_best_of_k_have_intervals_of_their_own_and_of_differences(
    world: World,
) -> None:
    world.add("model", right)
    world.add("constant", half)
    for name in ("model", "constant"):
        twice(world.systems[name])
    assert world.run() == ExitCode.OK
    report = world.report
    figures = report["systems"]["constant"]
    for name in (*AVERAGES, "oracle.f1_50", "oracle.union_recall"):
        figure = figure_at(figures, name)
        low, high = figure["ci95"]
        assert low <= figure["value"] <= high, name
        assert figure["n"] > 0
        low, high = report["delta_intervals"]["constant"][name]
        assert low <= report["deltas"]["constant"][name] <= high, name
    drawn = json.loads((world.output / "resampled.json").read_text())
    assert drawn["images_of"]["resamples"] == 100
    for name, values in drawn["values"].items():
        told = np.quantile([v for v in values if v is not None], [0.025, 0.975])
        assert report["headline"][name]["ci95"] == pytest.approx(told)


def test_a_system_that_answered_once_has_no_oracle_to_be_compared_by(world: World) -> None:
    world.add("model", right)
    world.add("constant", half)
    twice(world.systems["model"])
    assert world.run() == ExitCode.OK
    assert "ap" in world.report["delta_intervals"]["constant"]
    assert not [n for n in world.report["delta_intervals"]["constant"] if n.startswith("oracle")]


def test_every_figure_can_be_computed_again_from_the_rows(world: World) -> None:
    world.add(
        "model", lambda r: half(r)[:-2] if r.id == "one" else half(r), lambda r: r.summary or ""
    )
    assert world.run() == ExitCode.OK
    lines = (world.output / "matches.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    dense = [row for row in rows if row["mode"] == "dense"]
    figures = world.report["systems"]["model"]
    assert [row["id"] for row in dense] == [r.id for r in world.records]
    assert sum(row["parsed"] for row in dense) / len(dense) == figures["parse_rate"]["value"]
    kept = [row["salvaged"] for row in dense if row["fault"]]
    salvaged = {"value": sum(kept), "n": len(kept)}
    assert figures["salvaged_objects"] == salvaged
    assert world.report["headline"]["salvaged_objects"] == {**salvaged, "unit": "objects"}
    for count in ("tp", "fp", "fn"):
        assert sum(row[count] for row in dense) == figures["f1_50"][count]
    overlaps = [pair["iou"] for row in dense for pair in row["pairs"]]
    assert sum(overlaps) / 7 == pytest.approx(figures["mean_iou"]["value"])
    exact = [
        row["truth"][p["truth"]]["desc"] == row["prediction"][p["prediction"]]["desc"]
        for row in dense for p in row["pairs"]
    ]
    assert sum(exact) / len(exact) == figures["description_accuracy"]["value"]
    summaries = [row for row in rows if row["mode"] == "summary"]
    assert sum(row["exact"] for row in summaries) == 3


def test_an_answer_that_is_missing_counts_as_unreadable_and_is_named(world: World) -> None:
    world.add("model", lambda r: right(r) if r.id != "full" else None)
    assert world.run() == ExitCode.OK
    figures = world.report["systems"]["model"]
    assert figures["parse_rate"] == {**figures["parse_rate"], "value": 0.75, "n": 4}
    assert figures["faults"] == {"missing": 1}
    assert figures["f1_50"]["fn"] == 4
    assert world.events("warning")[0]["code"] == "answers_missing"


def test_the_join_is_by_id_and_not_by_place(world: World) -> None:
    shuffled = list(reversed(world.records))
    world.systems["model"] = write_predictions(world.root / "model", shuffled)
    assert world.run() == ExitCode.OK
    assert world.report["systems"]["model"]["f1_50"]["value"] == 1.0


def test_a_mode_that_was_not_asked_for_has_no_values(world: World) -> None:
    world.add("model", None, lambda r: r.summary or "")
    assert world.run() == ExitCode.OK
    figures = world.report["systems"]["model"]
    for name in ("parse_rate", "f1_50", "ap", "mean_iou"):
        assert (figures[name]["value"], figures[name]["n"]) == (None, 0)
    assert "f1_50" not in world.report["headline"]


def test_asking_and_getting_no_answer_at_all_is_a_parse_rate_of_zero(world: World) -> None:
    world.add("model", lambda r: None)
    assert world.run() == ExitCode.OK
    assert world.report["systems"]["model"]["parse_rate"]["value"] == 0.0


@pytest.mark.parametrize(
    "meta",
    [{"dataset_fingerprint": "0" * 64}, {"split": "train"}, {"schema": "predictions/9"}],
)
def test_predictions_of_something_else_are_refused(world: World, meta: dict[str, str]) -> None:
    world.add("model", right, **meta)
    assert world.run() == ExitCode.DATA
    assert not (world.output / "report.json").exists()


GOOD_ROW = {"id": "full", "mode": "dense", "text": "?", "finished": True}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({**GOOD_ROW}, "second dense answer"),
        ({**GOOD_ROW, "id": "stranger"}, "no record"),
        ({**GOOD_ROW, "mode": "poem"}, "mode"),
        ({"id": "full"}, "needs the keys"),
        ({**GOOD_ROW, "text": "\ud800"}, "surrogate"),
        ([], "JSON object"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(world: World, row: Any, words: str) -> None:
    world.add("model", right)
    path = world.systems["model"] / "predictions.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + json.dumps(row) + "\n", encoding="utf-8")
    assert world.run() == ExitCode.DATA
    error = world.events("error")[0]
    assert words in error["message"]
    assert error["where"].endswith("predictions.jsonl:5")


def test_a_torn_row_is_refused(world: World) -> None:
    world.add("model", right)
    path = world.systems["model"] / "predictions.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    assert world.run() == ExitCode.DATA


def test_overlays_show_truth_and_prediction_with_the_words_beside(world: World) -> None:
    world.add("model", lambda r: "?" if r.id == "one" else half(r))
    assert world.run(overlays=3) == ExitCode.OK
    pictures = sorted((world.output / "overlays").glob("*.png"))
    assert len(pictures) == 3
    for picture in pictures:
        words = json.loads(picture.with_suffix(".json").read_text(encoding="utf-8"))
        truth = next(r for r in world.records if r.id == words["id"])
        assert [o["desc"] for o in words["truth"]] == [o.desc for o in truth.objects]
        with Image.open(picture) as image:
            assert image.width > 4 * 2 * truth.width
            colours = {image.convert("RGB").getpixel((x, 300)) for x in range(0, image.width, 2)}
        assert len(colours) > 1
    samples = world.events("sample")
    artifacts = [e["name"] for e in world.events("artifact")]
    assert len(samples) == sum(name.startswith("overlay of ") for name in artifacts) == 3
    for sample in samples:
        path = world.root / "run" / sample["image"]["path"]
        assert path.stat().st_size == sample["image"]["size"]
    unreadable = next(s for s in samples if s["name"] == "one")
    assert "unreadable" in unreadable["note"]
    assert unreadable["raw"] == "?"


def test_a_picture_that_cannot_be_drawn_is_a_warning(world: World) -> None:
    world.add("model", right)
    for picture in (world.dataset / "images").iterdir():
        picture.write_bytes(b"not a picture")
    assert world.run() == ExitCode.OK
    assert {w["code"] for w in world.events("warning")} == {"overlay_skipped"}


def test_the_same_run_gives_the_same_files(world: World) -> None:
    world.add("model", half)
    assert world.run() == ExitCode.OK
    first = {p.name: p.read_bytes() for p in world.output.rglob("*") if p.is_file()}
    assert execute(world.root / "evaluate.yaml", RunOptions(run_dir=world.root / "again")) == 0
    again = world.root / "again" / "artifacts" / "evaluation"
    assert first == {p.name: p.read_bytes() for p in again.rglob("*") if p.is_file()}


def test_another_threshold_has_another_name(world: World) -> None:
    world.add("model", right)
    assert world.run(iou_threshold=0.75) == ExitCode.OK
    assert "f1_50" not in world.report["systems"]["model"]
    assert world.report["headline"]["f1_75"]["value"] == 1.0


def test_a_reference_that_is_no_system_is_an_invalid_config(world: World) -> None:
    world.add("model", right)
    assert world.run(reference="other") == ExitCode.CONFIG


def test_the_drawn_images_are_the_worst_and_a_seeded_rest() -> None:
    records = [record(f"r{i:02d}", *four_records()[0].objects[: i % 5]) for i in range(20)]
    texts = ["?" if i == 4 else say([]) for i in range(20)]
    matches = [
        match_image(r.id, truth_things(r), read_answer(text), 0.5)
        for r, text in zip(records, texts, strict=True)
    ]
    chosen = choose(matches, 6, seed=1)
    assert [m.record for m in chosen] == [m.record for m in choose(matches, 6, seed=1)]
    assert [m.fn for m in chosen[:3]] == [4, 4, 4]
    assert len({m.record for m in chosen}) == 6
    assert choose(matches, 0, seed=1) == []
    assert len(choose(matches, 99, seed=1)) == 20
    assert "r04" not in {m.record for m in chosen[:3]}


def test_each_image_and_each_class_has_a_row(world: World) -> None:
    world.add("model", half)
    assert world.run() == ExitCode.OK
    images = [json.loads(x) for x in (world.output / "per_image.jsonl").open(encoding="utf-8")]
    assert [row["id"] for row in images] == [r.id for r in world.records]
    figures = world.report["systems"]["model"]
    for level in ("located", "class", "full"):
        wanted = figures["levels"][level]["f1_50"]
        for count in ("tp", "fp", "fn"):
            assert sum(row[level][count] for row in images) == wanted[count]
    assert sum(row["missed"] for row in images) == figures["diff"]["missed"]["count"]
    assert [row["id"] for row in images if row["negative"]] == ["empty"]
    classes = json.loads((world.output / "per_class.json").read_text(encoding="utf-8"))["rows"]
    with (world.output / "per_class.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["class"] for row in table] == [row["class"] for row in classes]
    assert {row["class"]: row["true"] for row in classes} == {
        name: row["true"] for name, row in figures["classes"].items()
    }
    assert {e["name"] for e in world.events("artifact")} >= {
        "matches.jsonl", "per_image.jsonl", "per_class.json", "per_class.csv"
    }


def test_two_systems_differ_by_more_than_one_figure_with_paired_intervals(world: World) -> None:
    world.add("model", right)
    world.add("same", right)
    world.add("worse", half)
    assert world.run() == ExitCode.OK
    found = world.report["delta_intervals"]
    assert found["same"]["recall"] == [0.0, 0.0]
    assert set(found["worse"]) >= {
        "f1_50", "parse_rate", "precision", "recall", "negatives.clean", "levels.full.f1_mean",
        "ap50",
    }
    low, high = world.report["systems"]["worse"]["ap50"]["ci95"]
    assert low <= world.report["systems"]["worse"]["ap50"]["value"] <= high
    assert world.report["deltas"]["worse"]["levels.located.f1_50"] > 0


def test_confidences_rank_predictions_and_are_kept_in_the_rows(world: World) -> None:
    world.add("model", right)
    path = world.systems["model"] / "predictions.jsonl"
    rows = [json.loads(x) for x in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        sure = {"span": [0, 1], "confidence": 0.5, "least": 0.25}
        row["objects"] = [dict(sure) for _ in range(row["text"].count("desc"))]
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    assert world.run(confidence="least") == ExitCode.OK
    assert "by the confidence" in world.report["systems"]["model"]["ap"]["label"]
    first = json.loads((world.output / "matches.jsonl").read_text(encoding="utf-8").split("\n")[0])
    assert first["confidences"] == [0.25] * 4
    assert first["text"] == rows[0]["text"]
    rows[0]["objects"][0]["least"] = 2
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    assert execute(world.root / "evaluate.yaml", RunOptions(run_dir=world.root / "bad")) == 3


def test_several_answers_to_an_image_have_a_best(world: World) -> None:
    world.add("model", half)
    path = world.systems["model"] / "predictions.jsonl"
    more = [
        {"id": r.id, "mode": "dense", "draw": 1, "text": right(r), "finished": True}
        for r in world.records
    ]
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in more)
    assert world.run() == ExitCode.OK
    figures = world.report["systems"]["model"]
    assert figures["f1_50"]["value"] < 1
    assert figures["oracle"]["k"] == 2
    assert figures["oracle"]["f1_50"]["value"] == 1.0


def test_samples_carry_the_marks_of_their_objects(world: World) -> None:
    world.add("model", lambda r: say([*r.objects[:1], *r.objects[:1]]))
    assert world.run(overlays=4) == ExitCode.OK
    sample = next(s for s in world.events("sample") if s["name"] == "full")
    assert [o["mark"] for o in sample["truth"]] == ["found", "missed", "missed", "missed"]
    assert sorted(o["mark"] for o in sample["prediction"]) == ["duplicate", "found"]


def test_answers_are_read_in_the_format_that_their_predictions_name(world: World) -> None:
    pixels = AnswerFormat(grammar="objectjson", emit_norm="none")

    def in_pixels(item: Record) -> str:
        return write_answer(item.objects, pixels, item.width, item.height)

    world.add("model", in_pixels, answer=pixels.model_dump())
    world.add("mistaken", in_pixels)
    assert world.run() == ExitCode.OK
    found = world.report["systems"]
    assert found["model"]["parse_rate"]["value"] == 1.0
    assert found["mistaken"]["parse_rate"]["value"] == 0.0


def test_an_unknown_format_of_answers_is_refused(world: World) -> None:
    world.add("model", right, answer={"grammar": "toon"})
    assert world.run() == ExitCode.DATA
