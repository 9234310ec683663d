"""The queue over HTTP: who may do what, what is kept back, and the conditions of a decision."""
from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from console.reviews import services
from console.reviews.models import Review, ReviewItem
from tests.support import people
from tests.unit.console.reviews.conftest import URL, claim, expire, no_gold, review

pytestmark = pytest.mark.django_db
PASS = {"decision": "pass", "reasons": ["model_misread"]}
FAIL = {"decision": "fail", "reasons": ["missing"], "duration_ms": 4200, "client": "tab-1"}


@pytest.fixture(autouse=True)
def _without_checks(project: Any) -> None:
    no_gold(project)


def following(client: Any, query: str = "") -> Any:
    return client.get(f"{URL}next/{query}").json()


def answer(client: Any, ticket: Any, body: Any = FAIL, key: str = "k1", **headers: str) -> Any:
    named = {"If_Match": ticket["etag"], "Idempotency_Key": key, **headers}
    return client.send("POST", f"{URL}{ticket['id']}/decision/", body, **named)


def test_a_ticket_comes_with_what_it_takes_to_decide_it(
    open_ticket: Any, ann: Any, api: Any
) -> None:
    open_ticket("A-1::pass", images=[{"name": "a.jpg", "sha256": "0" * 64, "size": 1}])
    (ticket,) = following(api(ann), "?n=3&client=tab-1")["tickets"]
    assert ticket["model"]["verdict"] == "fail" and ticket["label"] == "pass"
    assert ticket["why"]["code"] == "reflection_no_evidence_after_gt"
    assert ticket["images"][0]["summary"] == "screw missing×1"
    assert ticket["lease"]["hold"] == "hard" and ticket["score_parts"]["age"] >= 0


def test_a_decision_sent_twice_counts_once(open_ticket: Any, ann: Any, api: Any) -> None:
    open_ticket("A-1::pass")
    client = api(ann)
    (ticket,) = following(client)["tickets"]
    first, second = answer(client, ticket), answer(client, ticket)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["review"] == second.json()["review"]
    assert second.headers["Idempotency-Replayed"] == "true"
    assert Review.objects.get().duration_ms == 4200


def test_a_decision_names_its_key_and_the_state_that_it_was_made_from(
    open_ticket: Any, ann: Any, api: Any
) -> None:
    open_ticket("A-1::pass")
    client = api(ann)
    (ticket,) = following(client)["tickets"]
    path = f"{URL}{ticket['id']}/decision/"
    assert client.send("POST", path, FAIL, If_Match=ticket["etag"]).status_code == 400
    assert client.send("POST", path, FAIL, Idempotency_Key="k").status_code == 428
    assert answer(client, ticket, If_Match='"other"').status_code == 412


def test_a_changed_ticket_is_a_412_that_says_what_changed(
    open_ticket: Any, ann: Any, api: Any
) -> None:
    open_ticket("A-1::pass")
    client = api(ann)
    (ticket,) = following(client)["tickets"]
    open_ticket("A-1::pass", source="t" * 64, label="fail")
    refused = answer(client, ticket)
    assert refused.status_code == 412 and refused.json()["changed"] == ["label"]
    again = client.get(f"{URL}{ticket['id']}/").json()
    assert answer(client, again, key="k2").status_code == 201


def test_a_late_answer_is_a_409_with_the_other_decision_and_is_kept(
    open_ticket: Any, project: Any, ann: Any, bo: Any, api: Any
) -> None:
    item = open_ticket("A-1::pass")
    client = api(ann)
    (ticket,) = following(client)["tickets"]
    expire(item)
    services.reap()
    review(bo, project, "fail")
    for _ in range(2):
        late = answer(client, ticket, PASS)
        assert (late.status_code, late.json()["code"]) == (409, "lease_lost")
        assert late.json()["other"]["decision"] == "fail"
    assert Review.objects.filter(role="extra", reviewer=ann, decision="pass").count() == 1


def test_undo_over_http(open_ticket: Any, ann: Any, api: Any) -> None:
    open_ticket("A-1::pass")
    client = api(ann)
    (ticket,) = following(client)["tickets"]
    answer(client, ticket)
    mine = client.get(f"{URL}mine/").json()
    assert (mine["decided_today"], len(mine["undoable"]), mine["waiting"]) == (1, 1, 0)
    undone = client.send("POST", f"{URL}{ticket['id']}/undo/", {})
    assert undone.json()["yours"] and undone.json()["ticket"]["state"] == "leased"
    assert client.send("POST", f"{URL}{ticket['id']}/undo/", {}).status_code == 409


def test_a_blind_ticket_keeps_the_models_word_and_the_first_review_back(
    open_ticket: Any, project: Any, ann: Any, bo: Any, lead: Any, api: Any
) -> None:
    item = open_ticket("A-1::pass", margin=0.67)
    review(ann, project, "fail")
    for client in (api(bo), api(ann)):
        seen = client.get(f"{URL}{item.pk}/").json()
        assert seen["blind"] and seen["model"] is None and seen["label"] is None
        assert (seen["kind"], seen["why"], seen["state"]) == (None, None, "pending")
    assert api(bo).get(f"{URL}{item.pk}/").json()["reviews"] == []
    (ticket,) = following(api(bo))["tickets"]
    assert ticket["blind"] and ticket["outcome"] == ""
    assert api(lead).get(f"{URL}{item.pk}/").json()["reviews"][0]["decision"] == "fail"
    answer(api(bo), ticket, PASS)
    assert len(api(lead).get(f"{URL}{item.pk}/").json()["reviews"]) == 2


def test_the_queue_in_numbers(
    open_ticket: Any, project: Any, ann: Any, viewer: Any, api: Any
) -> None:
    open_ticket("A-1::pass")
    open_ticket("A-2::pass", kind="drift", mission="pole")
    ReviewItem.objects.filter(kind="drift").update(due=timezone.now())
    review(ann, project, "fail")
    found = api(viewer).get(f"{URL}summary/").json()
    assert found["states"] == {"decided": 1, "pending": 1} and found["kinds"] == {"drift": 1}
    assert (found["late"], found["settled_last_day"], found["reviewing"]) == (1, 1, 0)


def test_an_adjudicator_sees_the_models_word_of_a_blind_ticket(
    open_ticket: Any, project: Any, ann: Any, lead: Any, api: Any
) -> None:
    open_ticket("A-1::pass", kind="drift")
    review(ann, project, "unsure")
    (ticket,) = following(api(lead), "?queue=adjudication")["tickets"]
    assert not ticket["blind"] and ticket["model"]["verdict"] == "fail"
    assert len(ticket["reviews"]) == 1


def test_an_adjudicator_sees_both_reasons_and_needs_the_right(
    open_ticket: Any, project: Any, ann: Any, bo: Any, lead: Any, api: Any
) -> None:
    open_ticket("A-1::pass", margin=0.67)
    review(ann, project, "fail")
    review(bo, project, "pass")
    assert api(bo).get(f"{URL}next/?queue=adjudication").status_code == 403
    (ticket,) = following(api(lead), "?queue=adjudication")["tickets"]
    assert [r["reasons"] for r in ticket["reviews"]] == [["missing"], ["model_misread"]]
    done = answer(api(lead), ticket, FAIL)
    assert done.json()["ticket"]["outcome"] == "fail"
    assert done.json()["review"]["role"] == "adjudicator"


def test_an_empty_queue_says_why_over_http(
    open_ticket: Any, project: Any, ann: Any, bo: Any, api: Any
) -> None:
    open_ticket("A-1::pass")
    claim(bo, project)
    empty = following(api(ann))["empty"]
    assert (empty["code"], empty["leased"]) == ("leased", 1)
    assert empty["until"] > timezone.now().isoformat()[:16]


def test_leases_that_ran_out_come_back_without_waiting_for_the_tick(
    open_ticket: Any, project: Any, ann: Any, bo: Any, api: Any
) -> None:
    item = open_ticket("A-1::pass")
    claim(bo, project)
    expire(item)
    assert following(api(ann))["tickets"][0]["id"] == item.pk


def test_heartbeat_and_release(open_ticket: Any, ann: Any, api: Any) -> None:
    open_ticket("A-1::pass")
    client = api(ann)
    (ticket,) = following(client)["tickets"]
    body = {"items": [ticket["id"], 10**9]}
    leases = client.send("POST", f"{URL}heartbeat/", body).json()["leases"]
    assert leases[str(ticket["id"])] is not None and leases[str(10**9)] is None
    assert client.send("POST", f"{URL}release/", body).json() == {"released": 1}
    assert client.send("POST", f"{URL}{ticket['id']}/release/", {}).status_code == 409


@pytest.mark.parametrize("path", ["", "decision/", "undo/", "release/", "comment/"])
def test_a_ticket_of_another_project_does_not_exist(
    path: str, open_ticket: Any, foreign_project: Any, lead: Any, api: Any
) -> None:
    theirs = open_ticket("A-1::pass", into=foreign_project)
    method = "POST" if path else "GET"
    headers = {"If_Match": '"x"', "Idempotency_Key": "k"} if path else {}
    body = {"text": "x", **FAIL} if path else None
    found = api(lead).send(method, f"{URL}{theirs.pk}/{path}", body, **headers)
    assert found.status_code == 404


def test_a_reviewer_sees_what_is_open_and_what_they_decided(
    open_ticket: Any, project: Any, ann: Any, bo: Any, lead: Any, api: Any
) -> None:
    open_ticket("A-1::pass")
    open_ticket("A-2::pass")
    done = review(ann, project, "fail")

    def seen(person: Any) -> int:
        return len(api(person).get(f"{URL}items/").json()["items"])

    assert (seen(ann), seen(bo), seen(lead)) == (2, 1, 2)
    assert api(bo).get(f"{URL}{done.pk}/").status_code == 404


def test_a_bot_opens_tickets_and_can_do_nothing_else(
    operator: Any, project: Any, api: Any
) -> None:
    bot = api(operator, scope="bot")
    ticket = {"ticket_key": "A-1::pass", "kind": "model_error", "model_verdict": "pass"}
    body = {"source": "import-7", "tickets": [ticket]}
    assert bot.send("POST", f"{URL}items/", body).json()["opened"] == 1
    assert bot.send("POST", f"{URL}items/", body).json()["known"] == 1
    for path in ("items/", "next/", f"{ReviewItem.objects.get().pk}/"):
        assert bot.get(URL + path).status_code == 403
    assert bot.get("/api/v1/projects/alpha/runs/").status_code == 403


def test_a_bot_cannot_show_images_that_are_not_the_projects(operator: Any, api: Any) -> None:
    image = {"name": "a.jpg", "sha256": "ab" * 32}
    ticket = {"ticket_key": "A-1::pass", "kind": "model_error", "images": [image]}
    body = {"source": "import-7", "tickets": [ticket]}
    refused = api(operator).send("POST", f"{URL}items/", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "missing_blobs")


def test_lists_filter_and_refuse_what_cannot_be(
    open_ticket: Any, lead: Any, api: Any, ann: Any, project: Any
) -> None:
    open_ticket("A-1::pass")
    open_ticket("B-1::pass", kind="drift", mission="pole")
    review(ann, project, "fail")

    def found(query: str) -> int:
        return len(api(lead).get(f"{URL}items/?{query}").json()["items"])

    counts = [found(q) for q in (
        "kind=drift", "kind=drift,label_suspect", "mission=pole", "state=decided",
        "q=B-", "assigned=nobody", "late=1", "outcome=fail",
    )]  # fmt: skip
    assert counts == [1, 2, 1, 1, 1, 2, 0, 1]
    for query in ("kind=golden", "owner=me", "n=3"):
        assert api(lead).get(f"{URL}items/?{query}").status_code == 400


def test_an_image_is_for_one_person_and_five_minutes(
    open_ticket: Any, ann: Any, bo: Any, api: Any, monkeypatch: Any
) -> None:
    import io
    import time

    from PIL import Image

    from console.catalog import blobs

    data = io.BytesIO()
    Image.new("RGB", (3000, 1000), "red").save(data, "PNG")
    blob = blobs.put_bytes(data.getvalue())
    open_ticket("A-1::pass", images=[{"name": "a.png", "sha256": blob.sha256, "size": 1}])
    (ticket,) = following(api(ann))["tickets"]
    address = ticket["images"][0]["large"]
    shown = api(ann).get(address)
    assert shown.headers["Content-Type"] == "image/jpeg"
    assert Image.open(io.BytesIO(b"".join(shown) if shown.streaming else shown.content)).size == (
        2048, 683,
    )
    assert api(ann).get(ticket["images"][0]["original"]).headers["Content-Type"] == "image/png"
    assert api(bo).get(address).status_code == 403
    assert api(ann).get(address.split("?")[0]).status_code == 403
    assert api(ann).get(address.replace("images/1/", "images/2/")).status_code == 403
    assert people.browser(people.make_user("stranger")).get(address).status_code == 404
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 301)
    assert api(ann).get(address).status_code == 403
