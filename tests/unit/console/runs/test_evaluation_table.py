"""Evaluations on their page and against each other: n, intervals, paired differences."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.catalog.blobs import put_bytes
from console.catalog.services import register_output
from console.runs.comparing import figure_rows
from console.runs.evaluation import evaluation_of
from console.runs.models import Run
from console.runs.paired import paired_intervals
from mlcore.run.hashing import FileEntry, tree_digest
from tests.unit.console.runs.conftest import Launch

pytestmark = pytest.mark.django_db


def figure(value: float | None, n: int = 40) -> dict[str, Any]:
    ci95 = None if value is None else [value - 0.1, value + 0.1]
    return {"value": value, "n": n, "ci95": ci95}


REPORT: dict[str, Any] = {
    "reference": "model",
    "images": 12,
    "settings": {"iou_threshold": 0.5, "bootstrap": 1000},
    "systems": {
        "base": {"f1_50": figure(0.25), "ap": figure(0.2), "segm": {"ap": figure(None, 0)}},
        "model": {"f1_50": figure(0.75), "ap": figure(0.5), "segm": {"ap": figure(None, 0)}},
    },
    "deltas": {"base": {"f1_50": 0.5, "ap": 0.3}},
    "delta_intervals": {"base": {"f1_50": [0.4, 0.6], "ap": [-0.1, 0.7]}},
}


def drawings(run: Run, drawn: list[float | None], **more: Any) -> None:
    """What an evaluation keeps of its drawings, as an output of the run."""
    Run.objects.filter(pk=run.pk).update(kind="evaluate")
    run.refresh_from_db()
    body = {"schema": "resampled/1", "images_of": {"seed": 0}, "values": {"f1_50": drawn}}
    data = json.dumps({**body, **more}).encode()
    blob = put_bytes(data)
    file = {"path": "resampled.json", "sha256": blob.sha256, "size": len(data)}
    digest = tree_digest([FileEntry(file["path"], blob.sha256, len(data))])
    register_output(run, "evaluation", "evaluation", digest, [file], None)


def test_the_system_in_question_comes_first_and_others_beside_their_difference(
    launch: Launch,
) -> None:
    run = launch()
    run.kind, run.report = "evaluate", REPORT
    found = evaluation_of(run)
    assert found is not None
    assert [system["name"] for system in found["systems"]] == ["model", "base"]
    assert [row["path"] for row in found["rows"]] == ["f1_50", "ap"]
    f1, ap = (row["cells"][1] for row in found["rows"])
    assert (f1["delta"], f1["delta_ci95"], f1["apart"]) == (0.5, [0.4, 0.6], True)
    assert not ap["apart"]


def test_only_an_evaluation_has_the_table(launch: Launch) -> None:
    run = launch()
    run.report = REPORT
    assert evaluation_of(run) is None
    run.kind, run.report = "evaluate", None
    assert evaluation_of(run) is None


def test_the_page_of_an_evaluation_tells_n_and_interval(
    client: Client, viewer: Any, launch: Launch
) -> None:
    run = launch()
    Run.objects.filter(pk=run.pk).update(
        kind="evaluate", report=REPORT, headline={"ap": {"unit": "share", **figure(0.5)}}
    )
    client.force_login(viewer)
    text = client.get(reverse("runs:run", args=[run.project.slug, run.uid])).content.decode()
    assert "n=40" in text
    assert "0.65 – 0.85" in text
    assert "[+0.4, +0.6]" in text
    assert '<div class="interval"' in text


def test_two_evaluations_of_the_same_drawings_are_paired(launch: Launch) -> None:
    """Each drawing of the second is 0.1 above the same one of the first, however wide both are."""
    base, better = launch(), launch()
    spread = [k / 100 for k in range(100)]
    drawings(base, list(spread))
    drawings(better, [value + 0.1 for value in spread])
    found = paired_intervals([base, better], base)
    assert found == {better.uid: {"f1_50": pytest.approx([0.1, 0.1])}}
    better.headline = {"f1_50": {"value": 0.6, "n": 9}}
    base.headline = {"f1_50": {"value": 0.5, "n": 9}}
    (row,) = figure_rows([base, better], base, found)
    assert row.paired == (None, pytest.approx([0.1, 0.1]))


@pytest.mark.parametrize("more", [{"images_of": {"seed": 1}}, {"values": 3}, {"schema": "x"}])
def test_other_drawings_and_broken_ones_are_not_paired(
    launch: Launch, more: dict[str, Any]
) -> None:
    base, other = launch(), launch()
    drawings(base, [0.1, None, 0.3])
    drawings(other, [0.2, 0.2, 0.2], **more)
    assert paired_intervals([base, other], base) == {}


def test_the_page_that_compares_them_tells_both_intervals(
    client: Client, viewer: Any, launch: Launch
) -> None:
    runs = [launch(), launch()]
    for place, run in enumerate(runs):
        drawings(run, [0.5 + place / 4] * 40)
        headline = {"f1_50": {"unit": "share", **figure(0.5 + place / 4)}}
        Run.objects.filter(pk=run.pk).update(headline=headline)
    client.force_login(viewer)
    url = reverse("runs:compare", args=[runs[0].project.slug])
    text = client.get(url, {"run": [run.uid for run in runs]}).content.decode()
    assert "0.65 – 0.85" in text
    assert "[+0.25, +0.25]" in text
