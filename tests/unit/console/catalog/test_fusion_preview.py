"""The plan of a mixture before training: counted by the catalog, checked by the loader."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from console.catalog import fusion_preview
from console.catalog.fusion_preview import (
    NewMember,
    example_text,
    name_for,
    preview_fusion,
)
from console.catalog.services import register_output
from console.web.yaml_edit import values_of
from mlcore.config.load import read_model
from mlcore.fusion.config import FusionConfig
from tests.support.outputs import FakeRun, make_dataset, upload_folder
from tests.support.people import browser

pytestmark = pytest.mark.django_db
MIX = (
    "type: fusion\n"
    "targets:\n"
    "- name: cabinets\n"
    "  dataset: dataset:cabinets@1\n"
    "  # all of them\n"
    "  ratio: 1.0\n"
    "sources:\n"
    "- name: more\n"
    "  dataset: dataset:cabinets@1\n"
    "  split: val\n"
    "  ratio: 1.0\n"
)


@pytest.fixture
def dataset(project: Any, tmp_path: Path) -> None:
    """Three records in train and two in val."""
    up = upload_folder(make_dataset(tmp_path / "d"))
    run = FakeRun("r1", "cabinets", project)
    register_output(run, "dataset", "dataset", up.digest, up.files, {})


@pytest.mark.usefixtures("dataset")
def test_the_plan_counts_with_the_catalog(project: Any) -> None:
    found = preview_fusion(project, MIX, 0)
    assert found.problems == []
    assert found.plan is not None
    rows = found.plan["datasets"]
    assert [(r["name"], r["role"], r["records"], r["quota"]) for r in rows] == [
        ("cabinets", "target", 3, 3), ("more", "source", 2, 3)
    ]
    assert sum(r["share"] for r in rows) == pytest.approx(1)
    assert sorted(found.order) == [0, 0, 0, 1, 1, 1]
    assert any("more: 1 sample" in w for w in found.warnings)
    assert any("more than once" in w for w in found.warnings)


@pytest.mark.usefixtures("dataset")
def test_epochs_differ_and_repeat(project: Any) -> None:
    digests = [preview_fusion(project, MIX, e).plan["digest"] for e in (0, 1, 0)]
    assert digests[0] == digests[2] != digests[1]


@pytest.mark.usefixtures("dataset")
@pytest.mark.parametrize(
    ("old", "new", "line", "path", "words"),
    [
        ("dataset:cabinets@1\n  #", "dataset:cabinets@9\n  #", 4, "targets.0.dataset", "newest"),
        ("split: val", "split: test", 10, "sources.0.split", "train, val"),
        ("  ratio: 1.0\nsources", "  rato: 1.0\nsources", 6, "targets.0.rato", "did you mean"),
        ("dataset:cabinets@1\n  #", "/data/folder\n  #", 4, "targets.0.dataset", "write dataset:"),
    ],
)
def test_a_problem_stands_at_its_line(
    project: Any, old: str, new: str, line: int, path: str, words: str
) -> None:
    assert old in MIX
    (problem,) = preview_fusion(project, MIX.replace(old, new), 0).problems
    assert (problem.line, problem.path) == (line, path)
    assert words in problem.message


@pytest.mark.usefixtures("dataset")
def test_a_mixture_that_gives_nothing_is_refused(project: Any) -> None:
    text = MIX.replace("  # all of them\n  ratio: 1.0", "  ratio: 0.0")
    assert "no sample" in preview_fusion(project, text, 0).problems[0].message


@pytest.mark.usefixtures("dataset")
def test_an_epoch_too_large_to_draw_is_not_drawn(project: Any) -> None:
    text = MIX.replace("  # all of them\n  ratio: 1.0", "  quota: 100000000")
    assert "at most" in preview_fusion(project, text, 0).problems[0].message
    assert fusion_preview.MAX_SAMPLES < 100_000_000


@pytest.mark.usefixtures("dataset")
def test_what_is_left_out_of_a_target_is_told(project: Any) -> None:
    text = MIX.replace("  # all of them\n  ratio: 1.0", "  quota: 2")
    assert any("1 record of this target" in w for w in preview_fusion(project, text, 0).warnings)


@pytest.mark.usefixtures("dataset")
def test_a_dataset_is_added_and_comments_stay(project: Any) -> None:
    add = NewMember("source", "dataset:cabinets@1", "val", 0.5)
    found = preview_fusion(project, MIX, 0, add)
    assert "# all of them" in found.text
    assert found.plan is not None
    names = [r["name"] for r in found.plan["datasets"]]
    assert names == ["cabinets", "more", "cabinets-2"]
    assert values_of(found.text)["sources"][-1]["ratio"] == 0.5
    from_nothing = preview_fusion(project, "", 0, NewMember("target", "dataset:cabinets@1"))
    assert from_nothing.problems == []


def test_names_are_plain_and_differ() -> None:
    assert name_for("dataset:螺丝-set@3", []) == "set"
    assert name_for("dataset:a@1", ["a", "a-2"]) == "a-3"
    assert read_model(example_text(["dataset:a@1"]), FusionConfig).targets[0].name == "a"
    assert read_model(example_text([]), FusionConfig)


@pytest.mark.parametrize("text", ["", "[", "type: fusion", "a: b", "- 1", "targets: {}"])
def test_no_text_makes_it_fail(project: Any, text: str) -> None:
    assert preview_fusion(project, text, 0).problems
    preview_fusion(project, text, 0, NewMember("target", "dataset:a@1"))


@pytest.mark.usefixtures("dataset")
def test_page_and_api(api: Any, viewer: Any, operator: Any) -> None:
    client = browser(viewer)
    page = client.get("/p/alpha/mixture/", {"text": MIX, "epoch": "3"}).content.decode()
    assert "cabinets" in page
    assert "Use in a run" not in page
    assert client.get("/p/alpha/mixture/", {"epoch": "x"}).status_code == 400
    plan = client.post("/p/alpha/mixture/plan", {"text": MIX, "epoch": 1}, "application/json")
    assert plan.json()["problems"] == []
    bad = {"text": MIX, "add": {"role": "target", "dataset": "", "ratio": "x"}}
    assert client.post("/p/alpha/mixture/plan", bad, "application/json").status_code == 422
    url = "/api/v1/projects/alpha/fusion/plan/"
    body = api(viewer).send("POST", url, {"text": MIX, "epoch": 1}).json()
    assert body["ok"] is True
    assert body["plan"]["epoch"] == 1
    wrong = api(viewer).send("POST", url, {"text": "type: fusion\n"}).json()
    assert (wrong["ok"], wrong["plan"]) == (False, None)
    assert wrong["errors"][0]["path"] == "targets"
    query = {"kind": "sft", "text": body["run_text"]}
    launch = browser(operator).get("/p/alpha/runs/launch/", query)
    assert launch.status_code == 200
    assert "type: fusion" in launch.content.decode()
