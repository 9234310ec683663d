"""The review desk in a real browser: decided by keyboard, undone, and sent after a lost connection;
every page of review fits its window and keeps the policy."""
from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.pages.test_pages import P, assert_fits, until

DESK = P + "review/desk/?kind=label_suspect"
MINE = """async () => {
  const answer = await fetch("/api/v1/projects/cabinets/review/mine/");
  const body = await answer.json();
  return [body.decided_today, body.undoable.length];
}"""


def waiting_for(page: Any, name: str) -> None:
    """Wait for another ticket than that one: who is faster than the console waits for it."""
    shown = "document.querySelector('[data-at=title]').textContent"
    until(page, f"{shown} !== {name!r} && {shown}.startsWith('CAB-')")


def decided(page: Any, count: int) -> None:
    """Wait until the console has that many decisions of today."""
    for _turn in range(80):
        if page.evaluate(MINE)[0] == count:
            return
        page.wait_for_timeout(150)
    pytest.fail(f"never {count} decisions")


def title(page: Any) -> str:
    found: str = page.locator("[data-at=title]").inner_text()
    return found


def test_five_tickets_by_keyboard_one_taken_back_one_sent_after_the_line_was_down(
    open_page: Any,
) -> None:
    page = open_page(DESK, as_="ann")
    page.wait_for_selector("[data-painted]")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    before = page.evaluate(MINE)[0]
    seen = [title(page)]
    for keys in (["k", "2", "Enter"], ["3", "Enter"], ["l"], ["x"], ["k", "1", "4", "Enter"]):
        for key in keys:
            page.keyboard.press(key)
        waiting_for(page, seen[-1])
        seen.append(title(page))
    assert len(set(seen)) == 6
    decided(page, before + 5)

    page.keyboard.press("u")
    until(page, f"document.querySelector('[data-at=title]').textContent === {seen[4]!r}")
    assert page.locator("[data-at=reasons] [aria-pressed=true]").count() == 2
    decided(page, before + 4)

    page.context.set_offline(True)
    page.keyboard.press("k")
    waiting_for(page, seen[4])
    page.wait_for_selector("#desk-banner:not([hidden])")
    assert "1 decision waits" in page.locator("#desk-banner").inner_text()
    page.context.set_offline(False)
    decided(page, before + 5)
    page.wait_for_selector("#desk-banner[hidden]", state="attached")


@pytest.mark.parametrize("place", ["queue/", "quality/", "adjudicate/"])
@pytest.mark.parametrize(("theme", "language"), [("light", "en"), ("dark", "zh-hans")])
def test_a_page_of_review_fits_the_window(
    open_page: Any, place: str, theme: str, language: str
) -> None:
    page = open_page(P + "review/" + place, as_="lena", theme=theme, language=language)
    assert_fits(page)
