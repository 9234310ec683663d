"""What a person sets for themselves: keys of the desk, the reminder of a break, saved views."""

from __future__ import annotations

import re
from typing import Any

import pytest

from console.reviews import own
from console.reviews.keys import KEYS, cap, problems, remapped
from console.reviews.models import SavedView
from tests.support import people
from tests.unit.console.reviews.conftest import URL, Open

pytestmark = pytest.mark.django_db
DESK = "/api/v1/me/desk/"
QUEUE = "/p/alpha/review/queue/"


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ({"pass": "a", "fail": "d"}, set()),
        ({"pass": "k", "fail": "j"}, set()),
        ({"pass": "k"}, {"pass"}),
        ({"pass": "q", "fail": "q"}, {"pass", "fail"}),
        ({"pass": "g"}, {"pass"}),
        ({"skip": "Ctrl+z"}, {"skip"}),
        ({"pass": "Backspace"}, {"pass"}),
        ({"confirm": "a"}, {"confirm"}),
        ({"fly": "a"}, {"fly"}),
    ],
    ids=["free", "swapped", "taken", "twice", "of-the-page", "second-key", "erases", "fixed", "no"],
)
def test_own_keys_are_held_against_each_other_and_the_rest(
    keys: dict[str, str], wrong: set[str]
) -> None:
    assert set(problems(keys)) == wrong


def test_an_own_key_leaves_the_others_of_its_act_alone() -> None:
    found = {key.act: key.keys for key in remapped({"undo": "q"})}
    assert found["undo"] == ("q", "Ctrl+z")
    assert len(found) == len(KEYS)


def test_own_keys_are_of_the_account_and_stand_on_every_button(ann: Any, bo: Any, api: Any) -> None:
    kept = api(ann).send("PATCH", DESK, {"keys": {"pass": "a"}})
    assert kept.json() == {"keys": {"pass": "a"}, "break_minutes": 0}
    refused = api(ann).send("PATCH", DESK, {"keys": {"pass": "k"}})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/keys/pass"
    assert api(ann).get(DESK).json()["keys"] == {"pass": "a"}
    assert api(bo).get(DESK).json()["keys"] == {}
    for person, key in ((ann, "a"), (bo, "j")):
        html = people.browser(person).get("/p/alpha/review/desk/").content.decode()
        assert re.findall('<kbd data-cap="pass">([^<]+)</kbd>', html) == [cap(key)]


def test_the_reminder_of_a_break_is_off_until_somebody_wants_it(ann: Any, api: Any) -> None:
    client = people.browser(ann)
    desk = "/p/alpha/review/desk/"
    assert f'value="{own.BREAK_MINUTES}" required disabled' in client.get(desk).content.decode()
    assert api(ann).send("PATCH", DESK, {"break_minutes": 45}).json()["break_minutes"] == 45
    assert api(ann).send("PATCH", DESK, {"break_minutes": 999}).status_code == 422
    html = client.get(desk).content.decode()
    assert 'name="break" checked' in html and 'value="45"' in html


def test_a_saved_view_is_an_address_of_ones_own(
    open_ticket: Open, ann: Any, lead: Any, api: Any
) -> None:
    open_ticket("A-1::pass", mission="pole")
    body = {"name": "poles", "query": "?mission=pole&view=open&cursor=x&q="}
    made = api(lead).send("POST", f"{URL}views/", body).json()
    assert made["query"] == "mission=pole&view=open"
    html = people.browser(lead).get(QUEUE).content.decode()
    assert f'href="{QUEUE}?mission=pole&amp;view=open"' in html and "poles" in html
    opened = people.browser(ann).get(f"{QUEUE}?{made['query']}").content.decode()
    assert "A-1" in opened and "poles" not in opened
    again = api(lead).send("POST", f"{URL}views/", {**body, "query": "kind=drift"}).json()
    assert (again["id"], again["query"]) == (made["id"], "kind=drift")
    assert [v["name"] for v in api(lead).get(f"{URL}views/").json()["views"]] == ["poles"]
    assert api(ann).send("DELETE", f"{URL}views/{made['id']}/").status_code == 404
    assert api(lead).send("DELETE", f"{URL}views/{made['id']}/").status_code == 204


def test_a_view_that_cannot_be_is_refused(
    project: Any, lead: Any, api: Any, monkeypatch: Any
) -> None:
    refused = api(lead).send("POST", f"{URL}views/", {"name": "x", "query": "state=nowhere"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/query")
    monkeypatch.setattr(own, "MOST_VIEWS", 1)
    own.save_view(lead, project, "one", "late=1")
    many = api(lead).send("POST", f"{URL}views/", {"name": "two", "query": ""})
    assert many.status_code == 409
    assert SavedView.objects.count() == 1
