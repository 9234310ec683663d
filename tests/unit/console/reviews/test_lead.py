"""What leads and operators do: checks, acts on many, groups, policy, reasons, exports."""
from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest

from console.accounts.audit import SYSTEM, Actor
from console.api.problems import ApiProblem
from console.reviews import figures, gold, operations, services
from console.reviews.filters import ItemFilter
from console.reviews.models import (
    Export,
    GoldItem,
    Notice,
    Operation,
    Review,
    ReviewerRecord,
    ReviewEvent,
    ReviewItem,
)
from console.reviews.policy import policy_of
from tests.support import people
from tests.unit.console.reviews.conftest import (
    URL,
    adjudicate,
    claim,
    claimed,
    code_of,
    decide,
    fresh,
    no_gold,
    review,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def known(open_ticket: Any, project: Any, bo: Any, lead: Any) -> GoldItem:
    """An adjudicated ticket in the pool of checks."""
    no_gold(project)
    open_ticket("G-1::pass", margin=0.5)
    review(bo, project, "unsure")
    review(people.make_member(project, "reviewer", "cy"), project, "unsure")
    item = adjudicate(lead, project, "fail")
    return services.add_gold(Actor.of_user(lead), item)


def always_gold(project: Any) -> None:
    policy = policy_of(project)
    policy.gold_percent = 100.0
    policy.save()


def test_a_check_looks_like_any_blind_ticket(
    known: Any, project: Any, ann: Any, api: Any, lead: Any
) -> None:
    always_gold(project)
    (ticket,) = api(ann).get(f"{URL}next/").json()["tickets"]
    # The key of a ticket ends in the label on record, which would not be blind.
    assert (ticket["ticket_key"], ticket["kind"], ticket["blind"]) == ("G-1", None, True)
    body = {"decision": "fail", "reasons": ["missing"]}
    done = api(ann).send(
        "POST", f"{URL}{ticket['id']}/decision/", body, If_Match=ticket["etag"],
        Idempotency_Key="k",
    )
    assert done.status_code == 201 and "gold" not in json.dumps(done.json())
    assert Review.objects.get(reviewer=ann).right is True
    assert api(lead).get(f"{URL}{ticket['id']}/").json()["kind"] == "gold"


def test_a_check_comes_once_and_never_to_who_decided_the_ticket(
    known: Any, project: Any, ann: Any, bo: Any
) -> None:
    always_gold(project)
    item = claimed(ann, project)
    decide(ann, item, "pass", reasons=[])
    assert claim(ann, project) == [] and claim(bo, project) == []


def test_which_tickets_are_checks_depends_on_seed_person_and_count(
    known: Any, project: Any, ann: Any
) -> None:
    policy = policy_of(project)
    policy.gold_percent = 3.0

    def checks(person: Any) -> list[int]:
        record = ReviewerRecord(project=project, reviewer=person)
        found = []
        for record.claims in range(400):
            item = gold.draw_check(SYSTEM, policy, record, ItemFilter())
            if item is not None:
                found.append(record.claims)
        return found

    assert checks(ann) == checks(ann) != checks(people.make_member(project, "reviewer", "di"))
    assert 4 <= len(checks(ann)) <= 25


def test_a_check_that_is_let_go_counts_for_nobody(known: Any, project: Any, ann: Any) -> None:
    always_gold(project)
    item = claimed(ann, project)
    services.release(Actor.of_user(ann), project, item.pk)
    assert fresh(item).state == "decided" and not item.reviews.exists()
    assert figures.accuracy(project) == [] or figures.accuracy(project)[0]["n"] == 0


def test_below_the_floor_every_ticket_gets_a_second_review_and_leads_hear_of_it_once(
    known: Any, open_ticket: Any, project: Any, ann: Any, api: Any, lead: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(gold, "LEAST_CHECKS", 3)
    always_gold(project)
    services.set_policy(SYSTEM, project, {"gold_rest_days": 0})
    for decision in ("fail", "pass", "pass", "pass"):
        decide(ann, claimed(ann, project), decision, reasons=["missing"][: decision == "fail"])
    (row_,) = [r for r in figures.accuracy(project) if r["reviewer"] == "ann"]
    assert (row_["n"], row_["right"], row_["below_floor"]) == (4, 1, True)
    (notice,) = api(lead).get(f"{URL}notices/").json()["items"]
    assert (notice["code"], notice["about"]) == ("gold_below_floor", "ann")
    assert api(lead).send("POST", f"{URL}notices/{notice['id']}/").status_code == 204
    assert Notice.objects.filter(done=None).count() == 0
    no_gold(project)
    open_ticket("A-1::pass")
    assert review(ann, project, "fail").state == "second"


def test_an_unsure_answer_to_a_check_looks_like_any_other(
    known: Any, project: Any, ann: Any, api: Any
) -> None:
    always_gold(project)
    item = claimed(ann, project)
    decide(ann, item, "unsure")
    seen = api(ann).get(f"{URL}{item.pk}/").json()
    assert (seen["state"], seen["outcome"]) == ("conflict", "")
    assert Review.objects.get(reviewer=ann, item=item).right is False


def test_an_undone_check_is_not_counted(known: Any, project: Any, ann: Any) -> None:
    always_gold(project)
    item = claimed(ann, project)
    decide(ann, item, "pass", reasons=[])
    services.undo(Actor.of_user(ann), item.pk)
    assert figures.accuracy(project)[0]["n"] == 0
    decide(ann, fresh(item), "fail")
    assert figures.accuracy(project)[0]["right"] == 1


def test_only_a_sure_ticket_becomes_a_check(
    open_ticket: Any, project: Any, ann: Any, lead: Any
) -> None:
    no_gold(project)
    open_ticket("A-1::pass")
    item = review(ann, project, "fail")
    with pytest.raises(ApiProblem) as caught:
        services.add_gold(Actor.of_user(lead), item)
    assert code_of(caught) == (409, "not_sure")


def bulk(client: Any, **body: Any) -> Any:
    return client.send("POST", f"{URL}bulk/", body)


def test_a_bulk_act_is_counted_first_and_then_done(
    open_ticket: Any, project: Any, ann: Any, bo: Any, lead: Any, api: Any
) -> None:
    no_gold(project)
    for number in range(5):
        open_ticket(f"A-{number}::pass")
    open_ticket("B-1::pass", mission="pole")
    wanted = {"mission": ["cabinet"]}
    preview = bulk(api(lead), act="assign", filter=wanted, to=["ann", "bo"], preview=True)
    assert preview.json() == {"total": 5, "exact": True}
    done = bulk(api(lead), act="assign", filter=wanted, to=["ann", "bo"])
    assert (done.status_code, done.json()["done"]) == (200, 5)
    counts = [ReviewItem.objects.filter(assigned_to=p).count() for p in (ann, bo, None)]
    assert counts == [3, 2, 1]
    assert ReviewEvent.objects.filter(action="assigned").count() == 5
    assert len(claim(bo, project, 10)) == 3
    released = bulk(api(lead), act="release", filter={}, reason="shift is over").json()
    assert released["done"] == 3 and not claim(lead, project, 10, adjudicating=True)
    bulk(api(lead), act="priority", filter={"mission": ["pole"]}, priority=9)
    bulk(api(lead), act="assign", filter={}, to=[])
    assert claimed(ann, project).mission == "pole"


def test_an_act_on_one_ticket_touches_no_other_that_begins_alike(
    open_ticket: Any, project: Any, lead: Any, api: Any
) -> None:
    one = open_ticket("A-1::pass")
    open_ticket("A-10::pass")
    open_ticket("A-1::pass", kind="reused_photo")
    html = people.browser(lead).get(f"/p/alpha/review/tickets/{one.pk}/").content.decode()
    data = re.search('id="queue-data" type="application/json">(.*?)</script>', html)
    assert data and "data-bulk" in html
    wanted = json.loads(data.group(1))["filter"]
    assert bulk(api(lead), act="priority", filter=wanted, preview=True).json()["total"] == 1
    assert bulk(api(lead), act="priority", filter=wanted, priority=5).json()["done"] == 1
    assert list(ReviewItem.objects.filter(priority=5)) == [one]
    assert bulk(api(lead), act="assign", filter={"ticket": ["1 or 1"]}).status_code == 422


def test_a_bulk_act_that_stopped_half_way_goes_on(
    open_ticket: Any, project: Any, lead: Any, monkeypatch: Any
) -> None:
    for number in range(5):
        open_ticket(f"A-{number}::pass")
    monkeypatch.setattr(operations, "BATCH", 2)
    monkeypatch.setattr(operations, "FIRST_S", 0.0)
    op = services.start(
        Actor.of_user(lead), project, "priority", ItemFilter(), {"priority": 7, "reason": ""}
    )
    assert (op.total, op.done, op.finished) == (5, 2, None)
    assert operations.advance_pending(10.0) == 1
    assert Operation.objects.get().done == 5 and operations.advance_pending() == 0
    assert set(ReviewItem.objects.values_list("priority", flat=True)) == {7}


def test_work_is_assigned_only_to_who_can_review_here(
    open_ticket: Any, viewer: Any, outsider: Any, lead: Any, api: Any
) -> None:
    for to in (["viewer"], ["outsider"], ["nobody"], ["group:none"]):
        assert bulk(api(lead), act="assign", to=to).status_code == 422


def test_a_groups_tickets_are_for_its_members(
    open_ticket: Any, project: Any, ann: Any, bo: Any, lead: Any, api: Any
) -> None:
    no_gold(project)
    item = open_ticket("A-1::pass")
    put = api(lead).send("PUT", f"{URL}groups/poles/", {"members": ["ann"]})
    assert put.status_code == 200
    assert bulk(api(lead), act="assign", to=["group:poles"]).json()["done"] == 1
    assert claim(bo, project) == [] and claimed(ann, project) == item
    assert api(lead).get(f"{URL}groups/").json()["groups"] == [
        {"name": "poles", "members": ["ann"]}
    ]


def test_the_policy_is_changed_from_what_was_read(api: Any, operator: Any, viewer: Any) -> None:
    client = api(operator)
    read = client.get(f"{URL}policy/")
    assert read.json()["gold_percent"] == 3.0
    body = {"rules": [{"reviews": 3, "kinds": ["reused_photo"]}]}
    etag = read.headers["ETag"]
    assert client.send("PATCH", f"{URL}policy/", body, If_Match=etag).json()["version"] == 1
    assert client.send("PATCH", f"{URL}policy/", body, If_Match=etag).status_code == 412
    assert api(viewer).send("PATCH", f"{URL}policy/", body).status_code == 403


@pytest.mark.parametrize(
    "values",
    [{"gold_percent": 80}, {"gold_percent": True}, {"gold_window": 2.5}, {"weights": {"age": 1}},
     {"rules": [{"reviews": 4}]}, {"rules": [{"reviews": 1, "margin": 1}]}, {"no": 1},
     {"rules": [{"reviews": 2, "kinds": ["none"]}]}, {"rules": {}}],
)
def test_a_policy_that_cannot_be_is_refused(values: Any, project: Any) -> None:
    with pytest.raises(ApiProblem) as caught:
        services.set_policy(SYSTEM, project, values)
    assert code_of(caught) == (422, "invalid")


def test_rules_ask_for_as_many_reviews_as_the_strictest_says(
    open_ticket: Any, project: Any, ann: Any, bo: Any
) -> None:
    rules = [{"reviews": 2, "margin_below": 0.8}, {"reviews": 3, "missions": ["pole"]}]
    services.set_policy(SYSTEM, project, {"rules": rules, "gold_percent": 0})
    needed = [
        open_ticket("A-1::pass").needed, open_ticket("A-2::pass", margin=0.7).needed,
        open_ticket("A-3::pass", mission="pole", margin=0.7).needed,
    ]
    assert needed == [1, 2, 3]


def test_reasons_have_versions_and_a_review_names_its_own(
    open_ticket: Any, project: Any, ann: Any, operator: Any, api: Any
) -> None:
    no_gold(project)
    client = api(operator)
    etag = client.get(f"{URL}reasons/").headers["ETag"]
    codes = [{"code": "bent", "label": "Bent", "label_zh": "弯曲", "for": ["fail"]}]
    written = client.send("PUT", f"{URL}reasons/", {"codes": codes}, If_Match=etag)
    assert written.json()["version"] == 1
    open_ticket("A-1::pass")
    item = claimed(ann, project)
    with pytest.raises(ApiProblem):
        decide(ann, item, "fail")
    assert decide(ann, item, "fail", reasons=["bent"]).review.reasons_version == 1
    for wrong in ([], codes * 2, [{**codes[0], "for": ["pass"]}]):
        etag = client.get(f"{URL}reasons/").headers["ETag"]
        answer = client.send("PUT", f"{URL}reasons/", {"codes": wrong}, If_Match=etag)
        assert answer.status_code == 422


def test_an_export_has_every_word_and_the_same_bytes_for_ever(
    open_ticket: Any, project: Any, ann: Any, bo: Any, operator: Any, api: Any
) -> None:
    no_gold(project)
    open_ticket("A-1::pass", images=[{"name": "a.jpg", "sha256": "0" * 64, "size": 1}])
    open_ticket("A-2::pass", margin=0.67)
    open_ticket("A-3::pass", kind="drift")
    for _ in range(2):
        review(ann, project, "fail", comment="seen twice")
    client = api(operator, scope="bot")
    made = client.send("POST", f"{URL}exports/", {}).json()
    assert (made["n"], made["ready"]) == (1, True)
    path = f"{URL}exports/{made['uid']}/file/"
    data = b"".join(client.get(path))
    assert hashlib.sha256(data).hexdigest() == made["sha256"]
    (line,) = [json.loads(text) for text in data.splitlines()]
    assert line["human"] | {"settled": ""} == {"verdict": "fail", "how": "decided", "settled": ""}
    assert line["model"]["verdict"] == "fail" and line["reviews"][0]["comment"] == "seen twice"
    item = ReviewItem.objects.get(pk=line["ticket"]["id"])
    assert (item.state, item.consumed_by) == ("exported", f"export:{made['uid']}")
    with pytest.raises(services.CannotUndoError):
        services.undo(Actor.of_user(ann), item.pk)
    review(bo, project, "fail")
    assert b"".join(client.get(path)) == data
    taken = [
        client.send("POST", f"{URL}exports/", {"scope": scope}).json()["n"]
        for scope in ("new", "all", "new")
    ]
    assert taken == [1, 2, 0]


def test_an_export_that_stopped_half_way_is_finished_by_the_tick(
    open_ticket: Any, project: Any, ann: Any, lead: Any, api: Any, monkeypatch: Any
) -> None:
    from console.reviews import exporting

    no_gold(project)
    for number in range(5):
        open_ticket(f"A-{number}::pass")
        review(ann, project, "fail")
    monkeypatch.setattr(exporting, "BATCH", 2)
    monkeypatch.setattr(operations, "FIRST_S", 0.0)
    waiting = api(lead).send("POST", f"{URL}exports/", {})
    assert waiting.status_code == 202
    path = f"{URL}exports/{waiting.json()['uid']}/"
    assert api(lead).get(f"{path}file/").status_code == 409
    operations.advance_pending(10.0)
    export = Export.objects.get()
    assert (export.n, [part["n"] for part in export.parts]) == (5, [2, 2, 1])
    assert api(lead).get(path).json()["ready"]


def test_agreement_leaves_checks_and_undone_words_out(
    open_ticket: Any, project: Any, ann: Any, bo: Any, api: Any
) -> None:
    no_gold(project)
    for number in range(30):
        item = open_ticket(f"A-{number}::pass", margin=0.67)
        for person, decision in ((ann, "fail"), (bo, "fail" if number else "pass")):
            Review.objects.create(
                item=item, reviewer=person, role="first" if person is ann else "second",
                decision=decision, reasons_n=1, ticket_version=1,
            )
        Review.objects.create(
            item=item, reviewer=ann, role="extra", decision="broken", ticket_version=1,
            active=False,
        )
    auditor = people.make_member(project, "auditor")
    found = api(auditor).get(f"{URL}agreement/?by=mission").json()
    assert found["all"]["raw"]["value"] == pytest.approx(29 / 30)
    assert found["slices"][0]["slice"] == "cabinet"
    assert found["slices"][0]["alpha"]["n"] == 30
    assert api(auditor).get(f"{URL}agreement/?by=person").status_code == 400


def test_the_log_is_for_auditors_and_checks_itself(
    open_ticket: Any, project: Any, ann: Any, bo: Any, api: Any
) -> None:
    no_gold(project)
    open_ticket("A-1::pass")
    item = review(ann, project, "fail")
    auditor = people.make_member(project, "auditor")
    events = api(auditor).get(f"{URL}events/?ticket={item.pk}").json()["items"]
    assert [e["action"] for e in events] == ["opened", "leased", "decided"]
    assert events[2]["before"] == events[1]["hash"] and events[2]["reason"] == "missing"
    assert api(auditor).get(f"{URL}log/").json() == {"whole": True, "findings": [], "days": 0}
    assert api(ann).get(f"{URL}events/").status_code == 403
