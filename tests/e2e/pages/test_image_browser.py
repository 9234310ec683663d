"""The image browser of a large dataset, and the pages around it, in a real browser.

The quick tests look at 10,000 images, `make soak` at 100,000, where `make bench` measures too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.pages.test_pages import assert_fits, until

SEED = """
from console.accounts.models import Project
from tests.support.many import register_many
project = Project.objects.get(slug="cabinets")
"""
SMALL = "/p/cabinets/datasets/small/"
TILES = "document.querySelectorAll('[data-canvas] > .tile').length"
MOST_TILES = 60


@dataclass(frozen=True)
class Many:
    """A dataset with so many records; the last tenth of them is for validation."""

    count: int

    @property
    def place(self) -> str:
        return f"/p/cabinets/datasets/many-{self.count}/1/browse/"

    def name(self, number: int) -> str:
        """The record at a place in the order; from the end with a negative number."""
        return f"cab-{number % self.count:06d}"


@pytest.fixture(scope="module", params=[10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def many(request: pytest.FixtureRequest, site: Any) -> Many:
    count = request.param
    site.python(f'{SEED}register_many(project, {count}, name="many-{count}")')
    return Many(count)


@pytest.fixture(scope="module")
def _small(site: Any) -> None:
    """Two versions of a small dataset."""
    site.python(
        f'{SEED}register_many(project, 400, name="small")\n'
        'register_many(project, 400, name="small", changed=40)'
    )


@pytest.fixture
def open_browser(open_page: Any, many: Many) -> Any:
    """`open_browser(query)` opens the browser of the large dataset and waits for its images."""

    def open_(query: str = "", **look: str) -> Any:
        page = open_page(many.place + query, **look)
        page.wait_for_selector("[data-canvas] .tile [data-shot] svg.over")
        return page

    return open_


def shown(page: Any) -> list[int]:
    """Positions of the tiles in the document, ascending."""
    found = page.locator("[data-canvas] > .tile").evaluate_all(
        "nodes => nodes.map(n => Number(n.dataset.index))"
    )
    return sorted(found)


def scroll_to(page: Any, share: float) -> None:
    page.evaluate(
        f"(() => {{ const s = document.querySelector('[data-scroll]');"
        f" s.scrollTop = s.scrollHeight * {share}; }})()"
    )


def count(page: Any) -> str:
    return str(page.locator("[data-count]").inner_text())


def until_counted(page: Any, words: str) -> None:
    until(page, f"document.querySelector('[data-count]').textContent === '{words}'")


def test_only_what_is_near_the_view_is_in_the_document(open_browser: Any, many: Many) -> None:
    page = open_browser()
    assert count(page) == f"{many.count:,} images"
    assert 0 < page.evaluate(TILES) <= MOST_TILES
    for share in (0.2, 0.5, 0.8, 1):
        scroll_to(page, share)
        page.wait_for_timeout(150)
        assert page.evaluate(TILES) <= MOST_TILES
    last = many.name(-1)
    until(page, f"document.querySelector('[data-canvas]').textContent.includes('{last}')")
    assert shown(page)[-1] == many.count - 1
    assert_fits(page)


def test_the_last_record_opens_and_back_returns_to_it(open_browser: Any, many: Many) -> None:
    page = open_browser()
    last = many.name(-1)
    page.locator("[data-canvas] .tile").first.focus()
    page.keyboard.press("End")
    page.wait_for_selector(f"[data-canvas] .tile.here:has-text('{last}')")
    page.wait_for_timeout(400)
    page.keyboard.press("Enter")
    page.wait_for_selector(f"h1:has-text('{last}')")
    page.go_back()
    page.wait_for_selector(f"[data-canvas] .tile:has-text('{last}')")
    assert shown(page)[-1] == many.count - 1


def test_a_shared_address_opens_at_the_same_place(open_browser: Any, many: Many) -> None:
    place = many.count * 7 // 10
    page = open_browser(f"?at={place}&tiles=s")
    page.wait_for_selector(f"[data-canvas] .tile:has-text('{many.name(place)}')")
    assert page.locator("[data-tiles=s]").get_attribute("aria-pressed") == "true"


def test_keys_move_open_and_reach_the_filter(open_browser: Any, many: Many) -> None:
    page = open_browser()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("k")
    here = page.locator("[data-canvas] .tile.here")
    assert here.get_attribute("data-index") == "1"
    assert here.evaluate("node => node === document.activeElement")
    page.keyboard.press("ArrowDown")
    columns = int(here.get_attribute("data-index")) - 1
    assert columns > 1
    page.keyboard.press("PageDown")
    page.keyboard.press("Home")
    assert here.get_attribute("data-index") == "0"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "text"
    page.keyboard.type("cab-00424")
    until_counted(page, f"10 of {many.count:,} images")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('cab-004240')")
    assert "text=cab-00424" in page.url


def test_filters_are_in_the_address_and_back_undoes_them(open_browser: Any, many: Many) -> None:
    page = open_browser()
    page.select_option("select[name=split]", "val")
    until_counted(page, f"{many.count // 10:,} of {many.count:,} images")
    page.locator(".facet", has_text="标签").first.click()
    page.wait_for_selector("[data-chosen] button:has-text('标签')")
    assert "split=val" in page.url
    assert "class=" in page.url
    page.wait_for_selector(".facet.sub:has-text('松动')")
    page.locator(".facet.sub", has_text="松动").click()
    page.wait_for_selector("[data-chosen] button:has-text('松动')")
    page.wait_for_selector("[data-browser][aria-busy=false]")
    both = count(page)
    page.reload()
    page.wait_for_selector("[data-browser][aria-busy=false]")
    assert count(page) == both
    page.go_back()
    page.wait_for_selector("[data-chosen] button:has-text('松动')", state="detached")
    page.locator("[data-clear]").click()
    until_counted(page, f"{many.count:,} images")


def test_a_filter_that_nothing_passes_says_so(open_browser: Any) -> None:
    page = open_browser()
    page.fill("input[name=text]", "no such record")
    page.wait_for_selector("[data-empty]:not([hidden])")
    assert page.evaluate(TILES) == 0


def test_outlines_and_the_list_light_each_other(open_browser: Any) -> None:
    page = open_browser("?objects=3-5&class=BBU安装螺丝")
    tile = page.locator("[data-canvas] .tile").nth(1)
    tile.hover()
    name = tile.locator(".mono").inner_text()
    assert page.locator("[data-detail-name]").inner_text() == name
    item = page.locator("[data-detail-list] [data-object]").first
    item.hover()
    lit = page.locator("[data-canvas] .object.lit")
    assert lit.count() == 1
    assert lit.get_attribute("data-object") == item.get_attribute("data-object")


def test_images_keep_their_shape_before_they_are_loaded(open_page: Any, many: Many) -> None:
    page = open_page("/p/cabinets/datasets/")
    page.route("**/images/**", lambda route: route.abort())
    page.goto(many.place)
    page.wait_for_selector("[data-canvas] .tile [data-shot] svg.over")
    sizes = page.locator("[data-canvas] [data-shot]").evaluate_all(
        "nodes => nodes.map(n => [n.clientWidth / n.clientHeight,"
        " Number(n.dataset.width) / Number(n.dataset.height)])"
    )
    assert all(abs(box / image - 1) < 0.03 for box, image in sizes)


def test_a_failed_request_is_said_and_tried_again(open_browser: Any) -> None:
    page = open_browser()
    page.route("**/window/**", lambda route: route.abort())
    scroll_to(page, 0.5)
    page.wait_for_selector("[data-failed]:not([hidden])")
    page.unroute("**/window/**")
    scroll_to(page, 0.6)
    page.wait_for_selector("[data-failed]", state="hidden")
    page.wait_for_selector("[data-canvas] .tile svg.over")


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize(
    "place",
    ["", "2/browse/", "2/report/", "2/rejects/", "2/near/", "diff/?from=1&to=2",
     "diff/record/?from=1&to=2&id=cab-000002"],
)  # fmt: skip
@pytest.mark.parametrize(("theme", "language"), [("light", "en"), ("dark", "zh-hans")])
def test_a_page_of_a_dataset_fits_the_window(
    open_page: Any, place: str, theme: str, language: str
) -> None:
    page = open_page(SMALL + place, theme=theme, language=language)
    assert page.locator("main h1").is_visible()
    assert_fits(page)


@pytest.mark.usefixtures("_small")
def test_near_duplicates_are_shown_side_by_side_across_splits_first(open_page: Any) -> None:
    page = open_page(SMALL + "1/near/")
    first = page.locator("article").first
    assert "Across splits" in first.inner_text()
    assert first.locator("img").count() == 2
    until(page, "document.querySelector('article img').naturalWidth > 0")
