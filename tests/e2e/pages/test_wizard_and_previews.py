"""The import wizard and the previews in a real browser: keyboard, live checks, nothing jumps."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.e2e.pages.test_pages import P, assert_fits, until


@pytest.fixture(scope="module")
def record(site: Any) -> str:
    return f"{P}datasets/cabinets/1/records/{site.record}/"


PLACES = ["import/", "import/?step=data&format=coco", "import/?step=review&format=voc", "mixture/"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("theme", "language"), [("light", "en"), ("dark", "zh-hans")])
def test_a_page_fits_the_window(open_page: Any, place: str, theme: str, language: str) -> None:
    page = open_page(P + place, theme=theme, language=language)
    assert page.locator("main h1").is_visible()
    assert_fits(page)


@pytest.mark.parametrize("tab", ["model", "augment"])
@pytest.mark.parametrize(("theme", "language"), [("light", "en"), ("dark", "zh-hans")])
def test_a_tab_of_a_record_fits_the_window(
    open_page: Any, record: str, tab: str, theme: str, language: str
) -> None:
    page = open_page(f"{record}?tab={tab}", theme=theme, language=language)
    assert page.locator(".tabs [aria-current]").is_visible()
    assert_fits(page)


def focused(page: Any) -> str:
    found: str = page.evaluate("document.activeElement.name || document.activeElement.className")
    return found


def test_the_wizard_is_walked_by_keyboard_through_a_bad_path_and_back(open_page: Any) -> None:
    page = open_page(P + "datasets/", as_="ada")
    page.locator("main a:has-text('Import')").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/import/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**step=data**")
    page.focus("[name=source]")
    page.keyboard.type("cells/here")
    page.keyboard.press("Tab")  # to the button that uploads instead
    page.keyboard.press("Tab")
    assert focused(page) == "dataset_name"
    page.keyboard.type("blood-cells")
    page.keyboard.press("Enter")

    page.wait_for_selector("#what-is-wrong")
    assert "step=review" in page.url
    assert focused(page) == "source"
    assert page.input_value("[name=source]") == "cells/here"
    assert page.input_value("[name=dataset_name]") == "blood-cells"
    assert "from /" in page.locator("[data-field=source] .error").inner_text()
    page.keyboard.press("Control+a")
    page.keyboard.type("/data/cells")
    page.keyboard.press("Enter")

    page.wait_for_selector("[data-go-launch]")
    assert "source: '/data/cells'" in page.input_value("textarea[name=text]")
    page.wait_for_selector(".problem-ok")
    page.reload()
    assert "blood-cells" in page.input_value("textarea[name=text]")
    page.go_back()
    page.wait_for_selector("[name=source]")
    assert page.input_value("[name=dataset_name]") == "blood-cells"
    page.go_forward()
    page.wait_for_selector("[data-go-launch]")
    page.focus("[data-go-launch]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/import/*/")
    assert page.locator("h1 .chip").get_attribute("data-state") == "queued"


def test_a_wrong_line_is_marked_and_kept_when_it_is_sent(open_page: Any) -> None:
    page = open_page(
        P + "import/?step=review&format=voc&source=/data/x&dataset_name=marked", as_="ada"
    )
    text = page.input_value("textarea[name=text]")
    page.fill("textarea[name=text]", text + "limt: 3\n")
    page.wait_for_selector(".gutter .wrong")
    assert "did you mean 'limit'" in page.locator("#problems").inner_text()
    page.click("[data-go-launch]")
    page.wait_for_selector("[role=status] .note-bad, .flashes .note-bad")
    assert "limt: 3" in page.input_value("textarea[name=text]")


def test_typing_into_a_group_turns_it_on_and_a_button_fills_the_first_try(open_page: Any) -> None:
    page = open_page(P + "import/?step=data&format=voc", as_="ada")
    box = page.locator("[name='with.resize']")
    assert not box.is_checked()
    page.fill("[name='resize.max_pixels']", "81920")
    assert box.is_checked()
    page.click("[data-fill=limit]")
    assert page.input_value("[name=limit]") == "20"


def test_the_ticket_pattern_is_tried_as_one_types(open_page: Any) -> None:
    page = open_page(P + "import/?step=data&format=voc", as_="ada")
    page.fill("[name=ticket_pattern]", r"(T\d+)_")
    page.wait_for_selector("[data-answer]:has-text('3 images, 2 tickets')")
    page.fill("[data-names]", "T7_a.jpg\nloose.jpg")
    page.wait_for_selector("[data-answer]:has-text('a ticket of its own')")
    page.fill("[name=ticket_pattern]", "(")
    page.wait_for_selector("[data-answer].bad:has-text('not a regular expression')")


def test_progress_of_an_import_is_live_and_a_failure_tells_why(site: Any, open_page: Any) -> None:
    place = "import/?step=review&format=voc&source=/data/x&dataset_name=watched"
    page = open_page(P + place, as_="ada")
    page.click("[data-go-launch]")
    page.wait_for_url("**/import/*/")
    uid = page.url.rstrip("/").rpartition("/")[2]
    head = (
        "from console.runs.changes import change\nfrom console.runs.models import Run\n"
        f"run = Run.objects.get(uid='{uid}')\n"
    )
    site.python(head + "change(run, state='running', progress_done=40, progress_total=160, "
                       "progress_unit='images')")  # fmt: skip
    page.wait_for_selector("text=40 / 160 images", timeout=15_000)
    site.python(head + "from django.utils import timezone\n"
                       "change(run, state='failed', reason='data', ended=timezone.now(), "
                       "error={'code': 'data', "
                       "'message': '3.00% of the pictures are rejected', 'hint': 'Look at them.', "
                       "'where': ''})")  # fmt: skip
    page.wait_for_selector("text=3.00% of the pictures are rejected", timeout=15_000)
    page.click("text=Change and try again")
    page.wait_for_url("**step=data**")
    assert page.input_value("[name=dataset_name]") == "watched"


def test_pointing_at_a_token_shows_its_object_and_its_line(open_page: Any, record: str) -> None:
    page = open_page(f"{record}?tab=model")
    page.wait_for_selector("svg.over .object")
    chip = page.locator(".token.t-coord").nth(4)
    chip.hover()
    name = chip.get_attribute("data-object")
    assert page.locator("svg.over .object.lit").get_attribute("data-object") == name
    assert page.locator("svg.over .coord-line").count() == 1
    page.select_option("[name=mode]", "summary")
    page.wait_for_url("**mode=summary**")
    assert page.locator(".token.t-summary.learned").count() == 1
    assert page.locator(".token.t-image").inner_text().startswith("36 image tokens")
    page.click("[data-next]")
    page.wait_for_url("**mode=summary**")
    assert "tab=model" in page.url


def size_of(page: Any) -> Any:
    return page.locator("[data-after] .shot").bounding_box()


def test_the_seed_changes_the_picture_in_place(open_page: Any, record: str) -> None:
    page = open_page(f"{record}?tab=augment&preset=geometry")
    page.wait_for_selector("[data-after] svg.over .object")
    before, box = page.get_attribute("[data-after] img", "src"), size_of(page)
    page.keyboard.press("ArrowRight")
    until(page, f"document.querySelector('[data-after] img').getAttribute('src') !== '{before}'")
    assert size_of(page) == box
    assert parse_qs(urlsplit(page.url).query)["seed"] == ["1"]
    second = page.get_attribute("[data-after] img", "src")
    page.keyboard.press("ArrowLeft")
    until(page, f"document.querySelector('[data-after] img').getAttribute('src') === '{before}'")
    page.keyboard.press("ArrowRight")
    until(page, f"document.querySelector('[data-after] img').getAttribute('src') === '{second}'")
    page.reload()
    assert page.get_attribute("[data-after] img", "src") == second
    page.locator(".fates li").first.hover()
    assert page.locator("svg.over .object.lit").count() == 2, "in both pictures"


def test_a_wrong_op_is_marked_and_the_last_picture_stays(open_page: Any, record: str) -> None:
    page = open_page(f"{record}?tab=augment&preset=colours")
    page.wait_for_selector("[data-after] svg.over .object")
    before = page.get_attribute("[data-after] img", "src")
    page.fill("#ops", "ops:\n- type: hflop\n")
    page.wait_for_selector(".gutter .wrong")
    assert "did you mean 'hflip'" in page.locator("#problems").inner_text()
    assert page.get_attribute("[data-after] img", "src") == before
    page.fill("#ops", "ops:\n- type: hflip\n  prob: 1.0\n")
    page.wait_for_selector("[data-told] .tag:has-text('hflip')")
    until(page, "!document.querySelector('[data-after]').classList.contains('stale')")


def test_what_the_augmentation_shows_can_be_used_in_a_run(open_page: Any, record: str) -> None:
    page = open_page(f"{record}?tab=augment&preset=paste", as_="ada")
    assert page.locator("[data-bank]").is_visible()
    use = page.locator("[data-use]")
    page.fill("#ops", "ops:\n- type: hflop\n")
    page.wait_for_selector("[data-use][aria-disabled=true]")
    page.fill("#ops", "ops:\n- type: hflip\n  prob: 0.75\n")
    page.wait_for_selector("[data-use][aria-disabled=false]")
    assert page.locator("[data-bank]").count() == 0, "nothing is pasted any more"
    page.reload()
    assert "0.75" in page.input_value("#ops")
    next_ = page.locator("[data-next]").get_attribute("href")
    assert "/records/" in next_
    use.click()
    page.wait_for_url("**kind=sft**")
    text = page.input_value("textarea[name=text]")
    assert "dataset: dataset:cabinets@" in text
    assert "prob: 0.75" in text


def test_a_mixture_grows_by_the_form_and_leads_to_a_run(open_page: Any) -> None:
    one = "type: fusion\ntargets:\n- name: cabinets\n  dataset: dataset:cabinets@1\n"
    page = open_page(P + "mixture/?" + urlencode({"text": one}), as_="ada")
    page.select_option("[name=role]", "source")
    page.fill("[name=dataset]", "dataset:cabinets@1")
    page.fill("[name=split]", "val")
    page.fill("[name=ratio]", "0.5")
    page.click("[data-add] button")
    page.wait_for_selector("[data-plan] td:has-text('cabinets-2')")
    assert "split: val" in page.input_value("textarea[name=text]")
    digest = page.locator("[data-plan] .stat dd.mono").inner_text()
    page.focus("[data-epoch]")
    page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('[data-plan] .stat dd.mono').textContent !== "
                f"'{digest}'")  # fmt: skip
    page.reload()
    assert page.input_value("[data-epoch]") == "1"
    page.fill("textarea[name=text]", page.input_value("textarea[name=text]") + "x: 1\n")
    page.wait_for_selector(".gutter .wrong")
    page.wait_for_selector("[data-plan].stale")
    page.go_back()


def test_a_viewer_may_look_at_a_plan_but_not_run_it(open_page: Any) -> None:
    page = open_page(P + "mixture/", as_="vera")
    assert page.locator("[data-plan] table").is_visible()
    assert page.locator("[data-use]").count() == 0
