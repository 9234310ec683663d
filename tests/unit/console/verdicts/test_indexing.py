"""Rows of verdicts are what the files of the run say."""

from __future__ import annotations

from typing import Any

import pytest

from console.catalog.models import Output
from console.catalog.output_rows import rows_of
from console.reviews.sources import in_doubt
from console.verdicts import operating, queries
from console.verdicts.boards import row_of
from console.verdicts.indexing import index_pending
from console.verdicts.models import VerdictSet
from mlcore.stage_b.rows import SelectionRow
from mlcore.stage_b.tally import confusion
from tests.support.verdict_runs import finished_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def verdicts(project: Any) -> VerdictSet:
    found = queries.set_of_run(finished_run(project))
    assert found is not None
    return found


def test_every_figure_is_made_from_the_files_alone(project: Any, verdicts: VerdictSet) -> None:
    output = Output.objects.get(type="verdicts")
    rows = rows_of(output, "selections.jsonl", SelectionRow)
    pairs = [(row.result.verdict, row.gt_label) for row in rows]
    counts = confusion(pairs)
    figures = row_of(verdicts)["figures"]["all"]
    assert figures["false_release"]["value"] == counts.false_release == 37 / (37 + 48)
    assert figures["false_release"]["n"] == 85
    low, high = figures["false_release"]["interval"]
    assert low < figures["false_release"]["value"] < high
    assert figures["label_match"]["n"] == 96, "tickets without a verdict match no label"
    assert figures["false_block"] == {**figures["false_block"], "value": 1 / 9, "n": 9}


def test_without_tickets_in_peoples_hands_the_doubted_labels_are_left_out(
    verdicts: VerdictSet,
) -> None:
    found = row_of(verdicts)
    queued = {row.ticket_key for row in in_doubt(verdicts.output).values()}
    assert "wrong00::fail" in queued
    kept = found["figures"]["kept"]["label_match"]["n"]
    assert kept == 96 - 2 - len(queued)
    assert verdicts.malformed == 2


def test_a_set_is_made_once_and_pending_ones_are_found(project: Any) -> None:
    run = finished_run(project)
    assert index_pending() == f"run:{run.uid}/verdicts"
    assert index_pending() == ""
    assert queries.set_of_run(run) == VerdictSet.objects.get()


def test_a_ticket_shows_its_candidates_summaries_and_images(verdicts: VerdictSet) -> None:
    row = verdicts.rows.get(group_id="bare00")
    assert [c["verdict"] for c in row.detail["candidates"]] == ["pass"] * 3
    assert row.detail["candidates"][0]["diagnosis"]["rationale_quality"] > 0
    assert len(row.detail["summaries"]) == 2
    assert [bool(i["sha256"]) for i in row.detail["images"]] == [True, True]
    lost = verdicts.rows.get(group_id="lost1")
    assert (lost.verdict, lost.strength) == ("", None)
    assert lost.failure


def test_a_higher_threshold_gives_people_more_and_releases_no_more(verdicts: VerdictSet) -> None:
    rows = queries.light_rows(verdicts)
    curve = operating.curve(rows)
    assert [p.threshold for p in curve] == [pytest.approx(2 / 3), 1.0, operating.ABOVE_ALL]
    assert [p.review for p in curve] == [2, 9, 96]
    assert [p.automatic + p.review for p in curve] == [96] * 3
    assert curve[-1].false_release == {"value": None, "n": 0, "interval": None}
    assert operating.point_at(rows, 0.6667).review == 9, "0.6667 is above two thirds"
