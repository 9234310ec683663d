"""The import wizard: what was typed becomes one config, problems stand at their inputs."""
from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from console.api.problems import ApiProblem
from console.catalog import ticket_test
from console.catalog.configs import check_text
from console.catalog.import_form import Input, WizardForm, params_of, read_wizard
from console.catalog.import_formats import format_cards, known_formats
from console.catalog.import_launch import launch_once
from console.catalog.ticket_test import try_pattern
from console.fleet.services import Greeting, hello
from console.runs.models import Run
from mlcore.kinds import config_model
from tests.support.people import browser

pytestmark = pytest.mark.django_db
URL = "/p/alpha/import/"
GOOD = {"format": "voc", "source": "/data/bccd", "dataset_name": "blood-cells"}
KEY = "a-key-of-one-form"


def inputs(form: WizardForm) -> dict[str, Input]:
    return {i.path: i for _part, groups in form.parts for group in groups for i in group.inputs}


def test_every_format_of_the_importer_has_a_card_with_its_layout() -> None:
    assert [c.name for c in format_cards()] == known_formats()
    assert all(c.tree and c.layout and c.geometry for c in format_cards())


def test_what_was_typed_becomes_a_config_that_the_loader_takes() -> None:
    form = read_wizard(
        {**GOOD, "val_share": "0.25", "with.resize": "on", "resize.max_pixels": "81920",
         "format.first_pixel": "1", "limit": "20"}
    )  # fmt: skip
    assert form.ok
    loaded = check_text(form.text).loaded
    assert loaded is not None
    values = loaded.resolved
    assert (values["name"], values["dataset_name"]) == ("blood-cells", "blood-cells")
    assert values["format"]["type"] == "voc"
    assert values["format"]["first_pixel"] == 1
    assert values["resize"]["max_pixels"] == 81920
    assert (values["val_share"], values["limit"]) == (0.25, 20)


def test_a_group_that_is_off_stays_out_of_the_config() -> None:
    form = read_wizard({**GOOD, "resize.max_pixels": "81920"})
    assert form.ok
    assert "resize" not in form.text
    assert inputs(form)["resize.max_pixels"].value == "81920"


def test_an_empty_group_that_is_on_takes_its_defaults() -> None:
    loaded = check_text(read_wizard({**GOOD, "with.resize": "on"}).text).loaded
    assert loaded is not None
    assert loaded.resolved["resize"]["multiple"] == 32


@pytest.mark.parametrize(
    ("path", "typed", "words"),
    [
        ("source", "", "needed"),
        ("source", "relative/folder", "from /"),
        ("dataset_name", "two words", "pattern"),
        ("dataset_name", "", "needed"),
        ("val_share", "1.5", "less than 1"),
        ("limit", "some", "integer"),
        ("ticket_pattern", "(", "regular expression"),
    ],
)
def test_a_problem_stands_at_its_input_and_keeps_what_was_typed(
    path: str, typed: str, words: str
) -> None:
    form = read_wizard({**GOOD, path: typed})
    wrong = {i.path: i for i in inputs(form).values() if i.errors}
    assert not form.ok
    assert list(wrong) == [path]
    assert wrong[path].value == typed
    assert words in wrong[path].errors[0]


def test_every_option_of_every_format_is_an_input() -> None:
    schema = config_model("import").model_json_schema()
    common = set(schema["properties"]) - {"kind", "name", "annotations", "format", "resize"}
    for name in known_formats():
        found = set(inputs(read_wizard({**GOOD, "format": name})))
        assert common <= found
        assert "format.type" not in found


def test_a_config_turns_back_into_what_was_typed() -> None:
    typed = {**GOOD, "with.resize": "on", "resize.max_pixels": "81920", "limit": "20"}
    assert read_wizard(params_of(read_wizard(typed).text)).text == read_wizard(typed).text
    assert params_of("kind: [") == {}


def test_the_steps_are_the_url(operator: Any) -> None:
    client = browser(operator)
    assert "Pascal VOC" in client.get(URL).content.decode()
    typed = {"format": "voc", "val_share": "0.25"}
    page = client.get(URL, {"step": "data", **typed}).content.decode()
    assert 'value="0.25"' in page
    assert "what-is-wrong" not in page
    answer = client.get(URL, {"step": "review", **typed})
    assert answer.status_code == 422
    assert "what-is-wrong" in answer.content.decode()
    answer = client.get(URL, {"step": "review", **GOOD})
    assert answer.status_code == 200
    assert "dataset_name: blood-cells" in answer.content.decode()
    assert client.get(URL, {"step": "nowhere"}).status_code == 404


def test_a_form_that_is_sent_twice_launches_once(operator: Any) -> None:
    client = browser(operator)
    text = read_wizard(GOOD).text
    first = client.post(URL, {"text": text.replace("\n", "\r\n"), "once": KEY})
    again = client.post(URL, {"text": text, "once": KEY})
    assert first.status_code == again.status_code == 302
    assert first.headers["Location"] == again.headers["Location"]
    run = Run.objects.get()
    assert (run.kind, run.name, run.config_text) == ("import", "blood-cells", text)
    assert run.uid in first.headers["Location"]


def test_the_key_of_a_form_belongs_to_one_text(operator: Any, project: Any) -> None:
    from console.accounts.audit import Actor

    actor = Actor.of_user(operator)
    launch_once(actor, project, KEY, read_wizard(GOOD).text)
    with pytest.raises(ApiProblem, match="another text"):
        launch_once(actor, project, KEY, read_wizard({**GOOD, "limit": "3"}).text)
    with pytest.raises(ApiProblem, match="no key"):
        launch_once(actor, project, "", read_wizard(GOOD).text)


def test_a_text_that_cannot_run_is_shown_again_as_typed(operator: Any) -> None:
    answer = browser(operator).post(URL, {"text": "kind: import\nsoruce: /x\n", "once": KEY})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "soruce: /x" in page
    assert "did you mean" in page
    assert not Run.objects.exists()


def test_a_viewer_may_watch_but_not_launch(viewer: Any, operator: Any) -> None:
    place = browser(operator).post(URL, {"text": read_wizard(GOOD).text, "once": KEY})
    client = browser(viewer)
    assert client.get(URL).status_code == 403
    assert client.post(URL, {"text": "x"}).status_code == 403
    assert client.get(place.headers["Location"]).status_code == 200


def test_a_run_leads_back_to_the_form_and_on_to_the_whole_source(operator: Any) -> None:
    client = browser(operator)
    text = read_wizard({**GOOD, "limit": "20"}).text
    place = client.post(URL, {"text": text, "once": KEY}).headers["Location"]
    uid = place.rstrip("/").rpartition("/")[2]
    back = client.get(URL, {"step": "data", "from": uid}).headers["Location"]
    query = parse_qs(urlsplit(back).query)
    assert query["limit"] == ["20"]
    assert query["source"] == ["/data/bccd"]
    whole = client.get(URL, {"step": "review", "all": "1", "from": uid}).headers["Location"]
    assert "limit" not in parse_qs(urlsplit(whole).query)
    assert client.get(whole).status_code == 200


def test_only_imports_have_this_page(operator: Any) -> None:
    client = browser(operator)
    client.post("/p/alpha/runs/launch/?kind=synth", {"text": "kind: synth\nname: a\n"})
    uid = Run.objects.get().uid
    assert client.get(f"{URL}{uid}/").status_code == 404
    assert client.get(URL, {"from": uid}).status_code == 404


def test_a_ticket_pattern_is_tried_as_the_import_would(api: Any, operator: Any) -> None:
    body = {"pattern": r"(T\d+)", "names": ["T1/a.jpg", "T1/b.jpg", "loose.jpg"]}
    answer = api(operator).send("POST", "/api/v1/projects/alpha/imports/tickets/", body)
    assert answer.json() == {"tickets": ["T1", "T1", ""], "distinct": 2, "problem": ""}


def test_a_pattern_that_never_ends_is_stopped(monkeypatch: Any) -> None:
    monkeypatch.setattr(ticket_test, "LIMIT_S", 0.5)
    found = try_pattern(r"(a+)+$", ["a" * 60 + "b"])
    assert found.tickets == []
    assert "too long" in found.problem


def test_the_formats_are_listed_by_the_api(api: Any, viewer: Any) -> None:
    rows = api(viewer).get("/api/v1/projects/alpha/imports/formats/").json()
    assert [row["name"] for row in rows] == known_formats()
    assert "Annotations/" in rows[0]["tree"]


def test_hosts_say_whether_they_may_read_the_folder(operator: Any) -> None:
    for name, roots in (("near", ["/data", "/mnt/b"]), ("far", ["/database"]), ("old", [])):
        greeting = Greeting(name, "boot", name, ["cpu"], ["import"], 1, roots=roots)
        hello(greeting)
    hello(Greeting("gpu", "boot", "gpu", ["gpu"], ["import"], 1, roots=["/data"]))
    answer = browser(operator).get(URL, {"step": "review", **GOOD})
    found = {row["name"]: (row["reads"], row["outside"]) for row in answer.context["hosts"]}
    assert found == {"near": (True, False), "far": (False, True), "old": (False, False)}
    assert "/mnt/b" in answer.content.decode()
