"""The pages in a real browser: look, keyboard, live values, content security policy."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.pages_seed import PASSWORD

P = "/p/cabinets/"
PLACES = [
    "",
    "runs/",
    "runs/?state=failed",
    "runs/compare/",
    "runs/launch/",
    "runs/launch/?kind=sft",
    "datasets/",
    "datasets/cabinets/",
    "configs/",
    "configs/cabinets-small/",
    "configs/cabinets-small/diff/",
    "new-config/",
    "models/",
    "models/cabinets-tiny/",
    "gates/",
    "fleet/",
    "settings/",
    "settings/people/",
    "settings/tokens/",
    "settings/hosts/",
    "settings/audit/",
    "settings/projects/",
]
TABS = ["overview", "metrics", "samples", "log", "artifacts", "config", "lineage", "events"]
WEIGHT_LIMIT = 300_000


def until(page: Any, condition: str) -> None:
    """Wait for a JavaScript condition from outside: the page's policy lets nothing be evaluated
    inside, not even for a test."""
    for _turn in range(150):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"never true: {condition}")


def assert_fits(page: Any) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("h1").first.inner_text().strip()


@pytest.mark.parametrize("place", PLACES)
def test_a_page_fits_the_window_and_keeps_the_policy(open_page: Any, place: str) -> None:
    page = open_page(P + place)
    assert page.locator("main h1").is_visible()
    assert_fits(page)


@pytest.mark.parametrize("tab", TABS)
def test_a_tab_of_a_run_fits_the_window(site: Any, open_page: Any, tab: str) -> None:
    uid = site.uids["cabinets-tiny/sft/succeeded"]
    page = open_page(f"{P}runs/{uid}/?tab={tab}")
    assert page.locator(".tabs [aria-current]").inner_text().lower().startswith(tab[:3])
    assert_fits(page)


@pytest.mark.parametrize(
    "place", ["", "runs/", "datasets/cabinets/", "gates/", "runs/launch/?kind=sft"]
)
def test_a_page_works_dark_and_in_chinese(open_page: Any, place: str) -> None:
    page = open_page(P + place, theme="dark", language="zh-hans")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    assert page.locator("html").get_attribute("lang") == "zh-hans"
    assert "设置" in page.locator("nav.side").inner_text()
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(int(v) for v in background[4:-1].split(",")) < 150
    assert_fits(page)


def test_a_wrong_password_says_so_and_keeps_the_name(open_page: Any) -> None:
    page = open_page("/sign-in/", as_="")
    page.fill("#username", "ada")
    page.fill("#password", "not this one")
    page.click("button.btn-main")
    assert "wrong" in page.locator("[role=alert]").inner_text()
    assert page.input_value("#username") == "ada"


def test_a_one_time_password_must_be_replaced_first(open_page: Any) -> None:
    page = open_page("/sign-in/", as_="")
    page.fill("#username", "newcomer")
    page.fill("#password", PASSWORD)
    page.click("button.btn-main")
    page.wait_for_url("**/password/")
    page.goto(P)
    assert page.url.endswith("/password/")
    for again in ("quite another sentense", "quite another sentence"):
        page.fill("[name=old]", PASSWORD)
        page.fill("[name=new]", "quite another sentence")
        page.fill("[name=again]", again)
        page.click("button.btn-main")
        if again.endswith("ense"):
            page.wait_for_selector(".error:has-text('differ')")
    page.wait_for_selector("nav.side")


def test_home_names_what_needs_a_person(open_page: Any) -> None:
    needs = open_page(P).locator("[data-live=needs]").inner_text()
    assert "cabinets-1024px" in needs
    assert "out of memory" in needs
    assert "bellows" in needs


def test_rows_are_walked_and_opened_by_keyboard(open_page: Any) -> None:
    page = open_page(P + "runs/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    first = page.locator("tbody tr").first
    assert first.evaluate("node => node === document.activeElement")
    target = first.get_attribute("data-href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{target}")


def test_the_palette_finds_a_run_and_opens_it(site: Any, open_page: Any) -> None:
    page = open_page(P + "configs/")
    page.keyboard.press("Control+k")
    page.keyboard.type("cabinets-1024")
    page.wait_for_selector("#palette-list [role=option]:has-text('cabinets-1024px')")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/runs/{site.uids['cabinets-1024px/sft/failed']}/")


def test_keys_help_and_places(open_page: Any) -> None:
    page = open_page(P)
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("f")
    page.wait_for_url("**/fleet/")


def test_focus_is_visible(open_page: Any) -> None:
    page = open_page(P + "runs/")
    for _step in range(4):
        page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_filters_are_the_url(open_page: Any) -> None:
    page = open_page(P + "runs/")
    page.select_option("[name=state]", "failed")
    page.wait_for_url("**/runs/?state=failed")
    page.reload()
    assert page.input_value("[name=state]") == "failed"
    states = page.locator("tbody .chip").evaluate_all("nodes => nodes.map(n => n.dataset.state)")
    assert set(states) == {"failed"}


def test_the_list_pages_by_keyset(open_page: Any) -> None:
    page = open_page(P + "runs/")
    links = "rows => rows.map(r => r.dataset.href)"
    seen = set(page.locator("tbody tr").evaluate_all(links))
    page.click("text=Older")
    page.wait_for_url("**cursor=*")
    older = set(page.locator("tbody tr").evaluate_all(links))
    assert older
    assert not seen & older


def test_a_run_changes_in_place_and_what_is_open_stays_open(site: Any, open_page: Any) -> None:
    uid = site.uids["cabinets-wide/sft/running"]
    page = open_page(f"{P}runs/{uid}/")
    page.click("[data-dialog=confirm-cancel]")
    site.python(
        "from console.runs.changes import change\nfrom console.runs.models import Run\n"
        f"change(Run.objects.get(uid='{uid}'), progress_done=333, message='step 333 of 600')"
    )
    page.wait_for_selector("text=step 333 of 600", timeout=15_000)
    assert page.locator("#confirm-cancel").is_visible()


def test_charts_load_when_seen_and_draw(site: Any, open_page: Any) -> None:
    uid = site.uids["cabinets-tiny/sft/succeeded"]
    page = open_page(f"{P}runs/{uid}/")
    assert page.evaluate("window.Plotly === undefined")
    page.goto(f"{P}runs/{uid}/?tab=metrics")
    page.wait_for_selector(".chart .main-svg", timeout=60_000)
    assert page.locator(".chart .ytitle").first.text_content() == "nats/token"
    page.click("[data-log-y]")
    until(page, "document.querySelector('.chart').layout.yaxis.type === 'log'")


def test_runs_are_chosen_by_key_and_compared(open_page: Any) -> None:
    page = open_page(P + "runs/?kind=sft&q=cabinets")
    for key in ("j", "x", "j", "x", "j", "x", "j", "x", "j", "x"):
        page.keyboard.press(key)
    assert page.locator("[data-count]").inner_text() == "5 runs chosen"
    page.reload()
    assert page.locator("[data-tick]:checked").count() == 5
    page.keyboard.press("c")
    page.wait_for_url("**/runs/compare/?run=**")
    assert_fits(page)
    assert "optim.lr" in page.locator("td.differs").first.locator("xpath=..").inner_text()
    page.wait_for_selector(".chart .main-svg", timeout=60_000)
    until(page, "document.querySelector('.chart').data.length === 2")
    page.select_option("[data-over]", "t")
    until(page, "document.querySelector('.chart .xtitle').textContent.startsWith('seconds')")
    page.locator("[title='Leave this run out']").first.click()
    page.wait_for_selector("h1:has-text('4 runs')")


def test_samples_draw_truth_and_prediction_and_switch_by_key(site: Any, open_page: Any) -> None:
    uid = site.uids["cabinets-tiny/sft/succeeded"]
    page = open_page(f"{P}runs/{uid}/?tab=samples")
    page.wait_for_selector(".side-prediction .object")
    page.keyboard.press("Shift+G")
    assert page.locator(".side-truth .object").first.is_visible()
    assert not page.locator(".side-prediction .object").first.is_visible()
    page.keyboard.press("p")
    assert page.locator(".side-prediction .object").first.is_visible()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**step=300**")


def test_an_evaluation_shows_what_became_of_objects_and_chooses_images_by_it(
    site: Any, open_page: Any
) -> None:
    uid = site.uids["cabinets-val/evaluate/succeeded"]
    page = open_page(f"{P}runs/{uid}/?tab=samples")
    page.wait_for_selector(".object.m-found")
    assert_fits(page)
    page.locator("a[href*='only=duplicate']").click()
    page.wait_for_selector("[data-marks='duplicate'] .object.m-duplicate")
    assert page.locator("article.tile").count() == 3
    assert not page.locator(".object.m-found").first.is_visible()
    page.locator("a[href*='only=unreadable']").click()
    page.wait_for_selector("[data-marks='unreadable']")
    assert page.locator("article.tile").count() == 1


def test_a_record_lights_the_object_that_is_pointed_at(open_page: Any) -> None:
    page = open_page(P + "datasets/cabinets/")
    page.locator(".tile").first.click()
    page.wait_for_selector(".objects li")
    page.wait_for_selector("svg.over .object")
    assert page.locator(".objects li").count() == page.locator("svg.over .object").count()
    page.locator(".objects li").first.hover()
    assert page.locator("svg.over .object.lit").count() == 1


def test_a_class_of_a_dataset_leads_to_its_images(open_page: Any) -> None:
    page = open_page(P + "datasets/cabinets/")
    page.locator("td a.name").first.click()
    page.wait_for_url("**/browse/?class=**")
    page.wait_for_selector("[data-canvas] .tile svg.over")


def test_the_log_shows_its_end_and_finds_a_word(site: Any, open_page: Any) -> None:
    uid = site.uids["cabinets-tiny/sft/succeeded"]
    page = open_page(f"{P}runs/{uid}/?tab=log")
    page.wait_for_selector(".log div:has-text('step  600')")
    left = "(n => n.scrollHeight - n.scrollTop - n.clientHeight)(document.querySelector('.log'))"
    assert page.evaluate(left) < 40
    page.fill("[data-find]", "warning")
    page.wait_for_selector(".log .hit.now")


def test_a_failed_run_shows_cause_hint_and_log_line(site: Any, open_page: Any) -> None:
    page = open_page(f"{P}runs/{site.uids['cabinets-1024px/sft/failed']}/")
    text = page.locator("main").inner_text()
    assert "CUDA out of memory" in text
    assert "Lower the batch size" in text
    assert "Traceback" in text


def test_form_and_yaml_stay_in_step_and_errors_stand_at_the_field(open_page: Any) -> None:
    page = open_page(P + "runs/launch/?kind=synth", as_="ada")
    page.fill("[data-path=train]", "25")
    until(page, "document.querySelector('#yaml').value.includes('train: 25')")
    page.fill("[data-path=train]", "many")
    page.wait_for_selector("[data-field=train] .error")
    page.wait_for_selector(".gutter .wrong")
    page.fill("#yaml", "kind: synth\nname: from yaml\ntrain: 31\nvaal: 3\n")
    until(page, "document.querySelector('[data-path=train]').value === '31'")
    page.wait_for_selector(".problem:has-text('did you mean')")
    page.fill("#yaml", "kind: synth\nname: from yaml\ntrain: 31\n")
    page.wait_for_selector("[data-plan] .tag:has-text('cpu')")
    page.click("[data-go-launch]")
    page.wait_for_selector("text=from yaml is queued.")
    assert page.locator("h1 .chip").get_attribute("data-state") == "queued"


def test_choosing_a_variant_changes_the_form(open_page: Any) -> None:
    page = open_page(P + "runs/launch/?kind=sft", as_="ada")
    page.select_option("[data-path='model.type']", "scratch")
    until(page, "document.querySelector('#yaml').value.includes('type: scratch')")
    page.wait_for_selector("[data-group='model']:not(:has([data-path='model.checkpoint']))")


def test_the_editor_marks_the_line_as_one_types_and_saves_a_version(open_page: Any) -> None:
    page = open_page(P + "configs/cabinets-small/", as_="ada")
    page.wait_for_selector(".problem-ok")
    good = page.input_value("[name=text]")
    page.fill("[name=text]", good.replace("val: 12", "valu: 12"))
    page.wait_for_selector(".gutter .wrong")
    assert "did you mean" in page.locator("#problems").inner_text()
    page.fill("[name=text]", good.replace("val: 12", "val: 13"))
    page.wait_for_selector(".problem-ok")
    page.click("text=Save version")
    page.wait_for_selector("text=is saved as version")


def test_cancelling_asks_first(site: Any, open_page: Any) -> None:
    uid = site.uids["cabinets-wide-val/predict/queued"]
    page = open_page(f"{P}runs/{uid}/", as_="ada")
    page.click("[data-dialog=confirm-cancel]")
    page.click("#confirm-cancel >> text=Cancel the run")
    page.wait_for_selector("h1 .chip[data-state=cancelled]")


def test_a_viewer_sees_no_act(site: Any, open_page: Any) -> None:
    page = open_page(f"{P}runs/{site.uids['cabinets-long/sft/cancelling']}/", as_="vera")
    assert page.locator(".head .acts button, .head .acts a.btn").count() == 0


def test_a_token_is_shown_once(open_page: Any) -> None:
    page = open_page(P + "settings/tokens/", as_="ada")
    page.fill("#name", "nightly")
    page.click("text=Make token")
    secret = page.input_value(".secret .input")
    assert secret.startswith("gha_")
    page.goto(P + "settings/tokens/")
    assert secret not in page.content()


@pytest.mark.parametrize("place", ["", "runs/", "datasets/"])
def test_a_page_without_charts_is_light(
    chromium: Any, sessions: Any, site: Any, place: str
) -> None:
    context = chromium.new_context(storage_state=sessions["root"])
    page = context.new_page()
    client = context.new_cdp_session(page)
    client.send("Network.enable")
    sizes: list[float] = []
    client.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(site.url + P + place)
    page.wait_for_timeout(500)
    context.close()
    assert 50_000 < sum(sizes) <= WEIGHT_LIMIT
