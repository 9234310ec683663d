"""Runs held against each other."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.runs.comparing import baseline_of, figure_rows, key_rows
from console.runs.metric_store import read_across
from console.runs.models import Run
from tests.unit.console.runs.conftest import Launch, claimed, event, metric, send

pytestmark = pytest.mark.django_db
OTHER = "kind: synth\nname: more\ntrain: 31\n"


def figure(value: float, rank: int = 0, n: int = 7) -> dict[str, Any]:
    return {"value": value, "unit": "share", "n": n, "rank": rank}


@pytest.fixture
def pair(launch: Launch) -> list[Run]:
    first, second = launch(), launch(OTHER)
    first.headline = {"f1_50": figure(0.5), "images": figure(4, rank=1)}
    second.headline = {"f1_50": figure(0.75)}
    for run in (first, second):
        run.save()
    return [first, second]


def page(client: Client, project: Any, runs: list[Run], **query: str) -> Any:
    asked = {"run": [run.uid for run in runs], **query}
    return client.get(reverse("runs:compare", args=[project.slug]), asked)


@pytest.fixture
def reader(client: Client, viewer: Any) -> Client:
    client.force_login(viewer)
    return client


def test_only_what_differs_is_told_and_names_never_are(pair: list[Run]) -> None:
    rows = {row.path: row for row in key_rows(pair, pair[0])}
    assert [path for path, row in rows.items() if row.varies] == ["train"]
    assert rows["train"].differs == (False, True)
    assert "name" not in rows


def test_a_key_that_a_config_lacks_differs_from_an_empty_value(pair: list[Run]) -> None:
    pair[0].config_resolved = {"a": None}
    pair[1].config_resolved = {}
    (row,) = key_rows(pair, pair[0])
    assert (row.values, row.present, row.varies) == ((None, None), (True, False), True)


def test_figures_are_told_as_differences_to_the_baseline(pair: list[Run]) -> None:
    f1, images = figure_rows(pair, pair[0])
    assert (f1.values, f1.deltas) == ((0.5, 0.75), (None, 0.25))
    assert images.deltas == (None, None)


def test_the_baseline_is_the_asked_one_then_the_pinned_one_then_the_oldest(
    pair: list[Run],
) -> None:
    assert baseline_of(pair, "") is pair[0]
    assert baseline_of(pair, pair[1].uid) is pair[1]
    pair[1].pinned = True
    assert baseline_of(pair, "nobody") is pair[1]


def test_curves_of_all_runs_leave_out_what_was_superseded(launch: Launch, host: Any) -> None:
    launch(), launch()
    first, second = claimed(host), claimed(host)
    send(first, metric(1, 1, loss=3.0), metric(2, 2, loss=2.0))
    send(second, metric(1, 1, loss=5.0))
    found = read_across([first.run, second.run], "loss", points=100)
    assert {pk: list(points.values) for pk, points in found.items()} == {
        first.run_id: [3.0, 2.0], second.run_id: [5.0],
    }  # fmt: skip
    send(first, event(3, "rewind", step=1))
    assert read_across([first.run], "nothing", points=100) == {}


def test_the_page_shows_differences_and_asks_the_same_number_of_queries_for_many_runs(
    reader: Client,
    project: Any,
    launch: Launch,
    pair: list[Run],
    django_assert_max_num_queries: Any,
) -> None:
    text = page(reader, project, pair).content.decode()
    assert "train" in text
    assert "differs" in text
    many = [*pair, *(launch(f"kind: synth\nname: n\ntrain: {40 + k}\n") for k in range(30))]
    with django_assert_max_num_queries(40):
        assert page(reader, project, many).status_code == 200


def test_the_table_goes_to_a_spreadsheet_without_formulas(
    reader: Client, project: Any, pair: list[Run]
) -> None:
    Run.objects.filter(pk=pair[1].pk).update(name="=HYPERLINK(1)")
    lines = list(
        csv.DictReader(io.StringIO(page(reader, project, pair, format="csv").content.decode()))
    )
    assert lines[1]["train"] == "31"
    assert lines[1]["name"] == "'=HYPERLINK(1)"
    assert lines[0]["f1 50"] == "0.5"


def test_a_foreign_run_is_not_found_and_too_many_are_refused(
    reader: Client, project: Any, pair: list[Run]
) -> None:
    url = reverse("runs:compare", args=[project.slug])
    assert reader.get(url, {"run": [pair[0].uid, "0" * 12]}).status_code == 404
    assert reader.get(url, {"run": [f"{n:012d}" for n in range(201)]}).status_code == 400
    assert "One run is not" in reader.get(url, {"run": pair[0].uid}).content.decode()


def test_scripts_get_the_same_over_the_api(reader: Client, project: Any, pair: list[Run]) -> None:
    url = f"/api/v1/projects/{project.slug}/runs/compare/"
    body = reader.get(url, {"run": [run.uid for run in pair], "base": pair[1].uid}).json()
    assert body["base"] == pair[1].uid
    assert [(row["path"], row["differs"]) for row in body["keys"]] == [("train", [True, False])]
    assert body["figures"][0]["deltas"] == [-0.25, None]
    assert reader.get(url, {"run": pair[0].uid}).status_code == 400
    assert reader.get(url, {"run": [pair[0].uid, "0" * 12]}).status_code == 404
