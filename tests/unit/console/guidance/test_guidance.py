"""Guidance of a mission: versions, evidence and effect, promotion as an act of a person."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from console.accounts.audit import SYSTEM, Actor
from console.accounts.models import AuditEntry
from console.api.problems import ApiProblem
from console.catalog.blobs import read_blob
from console.catalog.choices import input_choices
from console.catalog.models import Output
from console.catalog.output_rows import objects_of, records_of, rows_of
from console.catalog.outputs import UnresolvedRefError, resolve_ref
from console.guidance import decisions, queries, services, yours
from console.guidance.models import CorrectedRecords, GuidanceVersion, Suggestion
from console.runs import services as runs
from mlcore.stage_b.guidance.model import guidance_json
from mlcore.stage_b.rows import RuleCandidateRow
from tests.support import people
from tests.support.tickets import MISSION, guidance
from tests.support.verdict_runs import FIBRE_RULE, finished_run, settle

pytestmark = pytest.mark.django_db
PAGE = f"/p/alpha/guidance/m/{MISSION}/"
API = "/api/v1/projects/alpha/guidance/"


def text(**experiences: str) -> str:
    return json.dumps({MISSION: guidance_json(guidance(**experiences))})


@pytest.fixture
def first(project: Any) -> GuidanceVersion:
    return services.import_text(SYSTEM, project, MISSION, text(S1="任一图的明确缺陷优先。"), "")


@pytest.fixture
def searched(project: Any) -> Any:
    return finished_run(project, "searched", search=True)


def html_of(client: Any, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status, response.content[:400]
    return str(response.content.decode())


def test_a_version_is_a_reference_that_hosts_can_fetch(
    project: Any, first: GuidanceVersion
) -> None:
    ref = f"guidance:{MISSION}@1"
    found = resolve_ref(project, ref)
    (file,) = found.files
    assert (found.type, file["path"]) == ("guidance", "guidance.json")
    assert MISSION in json.loads(read_blob(file["sha256"], 10_000))
    assert ref in [choice.ref for choice in input_choices(project)["guidance"]]
    with pytest.raises(UnresolvedRefError, match=r"newest version of .* is 1"):
        resolve_ref(project, f"guidance:{MISSION}@2")


def test_a_launched_run_is_bound_to_the_version(project: Any, first: GuidanceVersion) -> None:
    config = (
        f"kind: stage_b\nmission: {MISSION}\nsummaries: [records.jsonl]\n"
        f"guidance: guidance:{MISSION}@1\nbackend: {{type: replay, path: said.jsonl}}\n"
    )
    run = runs.launch(SYSTEM, project, runs.LaunchRequest(text=config))
    assert {b["ref"]: b["digest"] for b in run.bindings} == {first.ref: first.digest}


def test_promotion_shows_what_changes_and_keeps_what_was_measured(
    project: Any, operator: Any, first: GuidanceVersion, searched: Any
) -> None:
    client = people.browser(operator)
    preview = html_of(client, f"/p/alpha/guidance/promote/{searched.uid}/")
    assert FIBRE_RULE in preview
    assert "tickets as evidence" in preview
    assert GuidanceVersion.objects.count() == 1, "looking changes nothing"
    body = {"expected": "1", "message": "bare fibres"}
    client.post(f"/p/alpha/guidance/promote/{searched.uid}/", body)
    version = queries.version(project, MISSION)
    assert (version.number, version.origin, version.run_uid) == (2, "promoted", searched.uid)
    (key,) = version.effects
    effect = version.effects[key]
    assert version.entry["experiences"][key] == FIBRE_RULE
    verdicts = Output.objects.get(run_uid=searched.uid, type="verdicts")
    rows = rows_of(verdicts, "rule_candidates.jsonl", RuleCandidateRow)
    applied = next(row for row in rows if row.applied)
    assert effect["false_release"] == applied.false_release
    assert (effect["n"], effect["p"]) == (applied.n, applied.p)
    html = html_of(client, PAGE)
    assert "better, 0 worse of n=" in html
    assert "applied on facts" in html
    assert AuditEntry.objects.filter(action="guidance.promoted", object=version.ref).exists()


def test_of_two_people_who_promote_the_second_looks_again(
    project: Any, first: GuidanceVersion, searched: Any
) -> None:
    services.edit(SYSTEM, project, MISSION, {"G0": "甲", "G1": "乙"}, "mine", 1)
    with pytest.raises(ApiProblem, match="Version 2 is in force"):
        services.promote(SYSTEM, project, searched, "", 1)


def test_a_viewer_sees_and_changes_nothing(
    viewer: Any, first: GuidanceVersion, searched: Any
) -> None:
    client = people.browser(viewer)
    html = html_of(client, PAGE)
    assert "Look and promote" not in html
    assert client.post(f"/p/alpha/guidance/promote/{searched.uid}/").status_code == 403
    assert client.post(f"{PAGE}revert/", {"number": "1"}).status_code == 403


def test_an_edit_is_previewed_then_saved_and_reverted_in_one_act(
    project: Any, lead: Any, first: GuidanceVersion
) -> None:
    client = people.browser(lead)
    body = {
        "key": ["G0", "S1", "G1"],
        "text": ["需要检测到BBU设备", "", FIBRE_RULE],
        "message": "shorter",
        "expected": "1",
    }
    preview = client.post(f"{PAGE}edit/", {**body, "then": "preview"})
    assert preview.status_code == 200
    assert "removed" in preview.content.decode()
    assert GuidanceVersion.objects.count() == 1
    assert client.post(f"{PAGE}edit/", {**body, "then": "save"}).status_code == 302
    version = queries.version(project, MISSION)
    assert [(c["verb"], c["key"]) for c in version.changes] == [
        ("update", "G0"), ("delete", "S1"), ("add", "G1")
    ]  # fmt: skip
    client.post(f"{PAGE}revert/", {"number": "1"})
    back = queries.version(project, MISSION)
    assert (back.number, back.origin, back.restored) == (3, "reverted", 1)
    assert back.entry["experiences"] == first.entry["experiences"]
    assert html_of(client, f"{PAGE}diff/?from=1&to=3").count("Nothing differs.") == 1
    assert "reverted to v1" in html_of(client, PAGE)


def test_the_checklist_cannot_be_removed(lead: Any, first: GuidanceVersion) -> None:
    body = {"key": ["G0", "G1"], "text": ["", FIBRE_RULE], "then": "save", "expected": "1"}
    response = people.browser(lead).post(f"{PAGE}edit/", body)
    assert response.status_code == 422
    assert FIBRE_RULE in response.content.decode(), "what was typed is kept"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[]", "maps missions to guidance"),
        ("{", "not JSON"),
        ('{"甲": {"experiences": {"G1": "x"}}}', "with G0"),
        ('{"a/b": {"experiences": {"G0": "x"}}}', "without @ and /"),
    ],
)
def test_a_bad_file_is_refused_with_its_reason(operator: Any, content: str, sentence: str) -> None:
    file = SimpleUploadedFile("guidance.json", content.encode())
    response = people.browser(operator).post("/p/alpha/guidance/", {"file": file})
    assert response.status_code == 422
    assert sentence in response.content.decode()


def test_the_api_needs_the_etag_of_what_was_looked_at(
    project: Any, operator: Any, viewer: Any, api: Any, searched: Any
) -> None:
    client = api(operator)
    made = client.send("post", API, {"text": text(), "mission": MISSION})
    assert made.status_code == 201, made.content
    one = client.send("get", f"{API}missions/{MISSION}/")
    assert one.json()["ref"] == f"guidance:{MISSION}@1"
    body = {"run": searched.uid}
    assert client.send("post", f"{API}promote/", body).status_code == 428
    etag = one.headers["ETag"]
    done = client.send("post", f"{API}promote/", body, If_Match=etag)
    assert done.status_code == 201, done.content
    assert client.send("post", f"{API}promote/", body, If_Match=etag).status_code == 412
    diff = client.send("get", f"{API}missions/{MISSION}/versions/2/diff/").json()
    assert FIBRE_RULE in [c["after"] for c in diff["changes"]]
    back = client.send(
        "post", f"{API}missions/{MISSION}/revert/", {"number": 1}, If_Match=done.headers["ETag"]
    )
    assert back.json()["number"] == 3
    assert len(client.send("get", f"{API}missions/{MISSION}/versions/").json()["items"]) == 3
    assert api(viewer).send("get", API).json()["items"][0]["number"] == 3


def test_decided_labels_make_a_version_of_the_records_with_where_they_come_from(
    project: Any, operator: Any, reviewer: Any
) -> None:
    run = finished_run(project)
    item = settle(project, reviewer, "wrong00", "fail", "pass")
    settle(project, reviewer, "bad00", "fail", "broken")
    settle(project, reviewer, "good00", "pass", "pass")
    people.browser(operator).post(f"{PAGE}do/correct", {"run": run.uid})
    made = CorrectedRecords.objects.get()
    assert (made.records, made.corrected, made.left_out) == (95, 1, 1)
    found = resolve_ref(project, f"records:{MISSION}@1")
    assert found.type == "summaries"
    output = Output.objects.get(pk=found.output_id)
    labels = {record.group_id: record.label for record in records_of(output)}
    assert labels["wrong00"] == "pass"
    assert "bad00" not in labels
    changes = list(objects_of(output, "corrections.jsonl"))
    assert {(c["ticket_key"], c["was"], c["is"]) for c in changes} == {
        ("wrong00::fail", "fail", "pass"), ("bad00::fail", "fail", None)
    }  # fmt: skip
    with pytest.raises(ApiProblem, match="already holds"):
        decisions.correct(SYSTEM, project, run)
    assert yours.changed_by(reviewer, project)["records"][0]["n"] == 2
    assert item.pk in {c["item"] for c in changes}


def test_reasons_become_drafts_that_only_a_person_turns_into_a_rule(
    project: Any, lead: Any, reviewer: Any, first: GuidanceVersion
) -> None:
    actor = Actor.of_user(lead)
    for i in range(2):
        settle(project, reviewer, f"t{i}", "pass", "fail")
    assert decisions.gather(actor, project, MISSION) == 0, "two tickets are no pattern"
    settle(project, reviewer, "t2", "pass", "fail")
    assert decisions.gather(actor, project, MISSION) == 1
    draft = Suggestion.objects.get()
    assert len(draft.evidence) == 3
    assert GuidanceVersion.objects.count() == 1
    client = people.browser(lead)
    assert draft.text in html_of(client, f"{PAGE}edit/?draft={draft.pk}")
    client.post(f"{PAGE}do/dismiss", {"draft": str(draft.pk)})
    assert decisions.gather(actor, project, MISSION) == 0, "put aside stays put aside"
    yours = html_of(people.browser(reviewer), "/p/alpha/guidance/yours/")
    assert "3 of your tickets" in yours
    assert "put aside" in yours
