"""The checks before a run and the way out of memory trouble, on the run page."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from django.test import Client
from django.urls import reverse

from console.api.problems import ApiProblem
from console.runs.models import Run
from console.runs.preflight import LOOKS, TITLES, preflight_of
from console.runs.remedy import smaller_steps
from mlcore.preflight.config import CheckId
from tests.unit.console.runs.conftest import Launch, claimed, event, finish, send

pytestmark = pytest.mark.django_db
SFT = """\
kind: sft
name: tuned  # ours
model: {type: scratch}
data: {dataset: builtin:base}
batch_size: 16
micro_batch: 16
"""
RESULT: dict[str, Any] = {
    "schema": "preflight/1",
    "verdict": "WARN",
    "checks": [
        {"id": "data", "verdict": "PASS", "accepted": False, "message": "12 records", "hint": ""},
        {"id": "leakage", "verdict": "WARN", "accepted": True, "message": "1 <b>", "hint": "draw"},
        {"id": "memory", "verdict": "SKIPPED", "accepted": False, "message": "unknown", "hint": ""},
    ],
    "unused_overrides": [],
}  # fmt: skip


@pytest.fixture
def attempt(launch: Launch, host: Any) -> Any:
    launch(SFT)
    return claimed(host)


def page(client: Client, user: Any, run: Run) -> str:
    client.force_login(user)
    answer = client.get(reverse("runs:run", args=[run.project.slug, run.uid]))
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_verdict_of_a_run_is_on_its_page_with_every_check(
    client: Client, viewer: Any, attempt: Any
) -> None:
    assert preflight_of(attempt.run) is None
    send(attempt, event(1, "preflight", result=RESULT))
    shown = preflight_of(attempt.run)
    assert shown is not None
    assert [row["state"] for row in shown["rows"]] == ["passed", "warning", "skipped"]
    text = page(client, viewer, attempt.run)
    assert "Checks before the start" in text
    assert "1 &lt;b&gt;" in text
    assert "accepted" in text


def test_every_check_has_a_title_and_every_verdict_a_look() -> None:
    assert set(TITLES) == set(get_args(CheckId))
    assert set(LOOKS) == {"PASS", "WARN", "BLOCK", "SKIPPED"}


@pytest.mark.parametrize("result", [{}, {"verdict": "PASS"}, {"verdict": 3, "checks": []}])
def test_a_verdict_that_is_none_is_refused(attempt: Any, result: dict[str, Any]) -> None:
    with pytest.raises(ApiProblem, match="result"):
        send(attempt, event(1, "preflight", result=result))


def test_after_an_out_of_memory_death_the_page_offers_half_of_a_pass_with_its_diff(
    client: Client, operator: Any, attempt: Any
) -> None:
    assert smaller_steps(attempt.run) is None
    finish(attempt, 71)
    run = Run.objects.get(pk=attempt.run_id)
    remedy = smaller_steps(run)
    assert remedy is not None
    assert (remedy.before, remedy.after) == (16, 8)
    assert (remedy.passes_before, remedy.passes_after) == (1, 2)
    assert [(row.old, row.new) for row in remedy.diff] == [("micro_batch: 16", "micro_batch: 8")]
    assert "# ours" in remedy.text
    text = page(client, operator, run)
    link = f"?clone={run.uid}&amp;remedy=memory"
    assert link in text
    launch_page = client.get(
        reverse("runs:launch", args=[run.project.slug]), {"clone": run.uid, "remedy": "memory"}
    )
    assert "micro_batch: 8" in launch_page.content.decode()


@pytest.mark.parametrize("code", [0, 7, 70])
def test_no_other_end_of_a_run_offers_it(attempt: Any, code: int) -> None:
    finish(attempt, code)
    assert smaller_steps(Run.objects.get(pk=attempt.run_id)) is None


def test_a_pass_of_one_sample_cannot_be_halved(launch: Launch, host: Any) -> None:
    launch(SFT.replace("micro_batch: 16", "micro_batch: 1"))
    attempt = claimed(host)
    finish(attempt, 71)
    assert smaller_steps(Run.objects.get(pk=attempt.run_id)) is None


@pytest.mark.parametrize(
    ("packing", "micro", "key", "after"),
    [
        ("{type: packed}", 4, "micro_batch", 2),
        ("{type: packed, row_tokens: 2048}", 1, "packing.row_tokens", 1024),
        ("{type: packed}", 1, None, 0),
    ],
)
def test_packed_rows_are_halved_as_far_as_a_sample_fits(
    launch: Launch, host: Any, packing: str, micro: int, key: str | None, after: int
) -> None:
    launch(f"{SFT.replace('micro_batch: 16', f'micro_batch: {micro}')}packing: {packing}\n")
    attempt = claimed(host)
    finish(attempt, 71)
    remedy = smaller_steps(Run.objects.get(pk=attempt.run_id))
    assert (remedy and remedy.key) == key
    assert remedy is None or remedy.after == after


def test_a_run_that_diverged_says_so_and_what_to_do(
    client: Client, viewer: Any, attempt: Any
) -> None:
    finish(attempt, 7)
    text = page(client, viewer, Run.objects.get(pk=attempt.run_id))
    assert "the loss is no number any more" in text
    assert "Lower the learning rate" in text
