"""From rendered pictures to a decision of a person: summaries by a real model, verdicts by a real
server, a queue that fills by itself, the desk in a browser, and the dashboard afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import stack_configs as configs
from tests.support.speaker import speaking
from tests.support.stack import Client, Stack, wait_for
from tests.support.visits import Walker

PASSED = "Verdict: 通过\nReason: 各图未见问题"


@pytest.fixture(scope="module")
def client(stack: Stack) -> Client:
    """The operator's client of the session's console."""
    return stack.client()


@pytest.fixture(scope="module")
def judged(client: Client) -> str:
    """A run that passes every ticket of a desk, half of which were failed."""
    scenes = client.launch(configs.synth(2, 2, seed=4) + "desk: 16\n")
    client.succeeded(scenes)
    summaries = client.launch(configs.stage_a(f"run:{scenes}/dataset", "builtin:base"))
    client.succeeded(summaries)
    with speaking(PASSED) as url:
        uid = client.launch(configs.stage_b(f"run:{summaries}/summaries", url))
        client.succeeded(uid)
    return uid


@pytest.fixture
def page(stack: Stack, walker: Walker, chromium: Any) -> Iterator[Any]:
    """A page of the walker's browser at 1366 x 768."""
    context = chromium.new_context(
        viewport={"width": 1366, "height": 768}, base_url=stack.url, reduced_motion="reduce"
    )
    context.add_cookies([{"name": "gatehouse_session", "value": walker.session, "url": stack.url}])
    yield context.new_page()
    context.close()


def test_a_verdict_against_the_record_is_decided_at_the_desk_and_counted(
    client: Client, judged: str, page: Any
) -> None:
    """Synth, stage_a and stage_b have run: nobody carries a ticket to the queue by hand."""

    def waiting() -> list[Any]:
        rows = client.items("review/items/")
        return [row for row in rows if row["run"] == judged and row["kind"] == "model_error"]

    tickets = wait_for(waiting, "tickets in the queue", 30)
    confusion = client.run(judged)["report"]["confusion"]
    assert len(tickets) == confusion["fp"] > 0 == confusion["tn"]

    page.goto("/p/demo/review/desk/?kind=model_error")
    page.wait_for_selector("[data-painted]")
    group = page.locator("[data-at=title]").inner_text()
    assert group in {row["group_id"] for row in tickets}
    assert page.locator("[data-at=stage] img, #desk img").first.evaluate("i => i.naturalWidth") > 0
    for key in ("k", "1", "Enter"):
        page.keyboard.press(key)

    def settled() -> list[Any]:
        return [row for row in client.items("review/items/") if row["group_id"] == group]

    wait_for(lambda: any(row["outcome"] == "fail" for row in settled()), "the decision", 30)
    page.goto(f"/p/demo/runs/{judged}/?tab=tickets&match=no")
    assert group in page.locator("table").last.inner_text()
    page.goto("/p/demo/verdicts/")
    assert f"n={confusion['fp'] + confusion['tp']}" in page.locator("main").inner_text()
