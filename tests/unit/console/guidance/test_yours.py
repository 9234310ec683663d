"""What a reviewer's decisions changed: verdicts, rules with their effect, and what was refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from console.accounts.audit import SYSTEM, Actor
from console.catalog.models import Output
from console.guidance import decisions, queries, services, yours
from console.guidance.models import Suggestion
from console.reviews.models import Review
from console.verdicts.queries import set_of_run
from mlcore.stage_b.guidance.model import guidance_json
from tests.support import people
from tests.support.outputs import upload
from tests.support.tickets import MISSION, guidance
from tests.support.verdict_runs import FIBRE_RULE, finished_run, settle

pytestmark = pytest.mark.django_db
PAGE = f"/p/alpha/guidance/m/{MISSION}/"
YOURS = "/p/alpha/guidance/yours/"


@pytest.fixture(autouse=True)
def first(project: Any) -> None:
    text = json.dumps({MISSION: guidance_json(guidance(S1="任一图的明确缺陷优先。"))})
    services.import_text(SYSTEM, project, MISSION, text, "")


def html_of(client: Any, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status, response.content[:400]
    return str(response.content.decode())


def drafted(project: Any, reviewer: Any, lead: Any) -> Any:
    """The reasons of three decisions as a draft, worded as a rule by a lead."""
    for group in ("bare00", "bare01", "bare02"):
        settle(project, reviewer, group, "fail", "fail", model_verdict="pass")
    decisions.gather(Actor.of_user(lead), project, MISSION)
    draft = Suggestion.objects.get()
    texts = {**queries.version(project, MISSION).entry["experiences"], "G1": FIBRE_RULE}
    body = {"key": list(texts), "text": list(texts.values()), "message": "bare", "expected": "1"}
    body |= {"draft": str(draft.pk), "then": "save"}
    assert people.browser(lead).post(f"{PAGE}edit/", body).status_code == 302
    return queries.version(project, MISSION)


def test_a_rule_that_was_worded_from_reasons_names_the_tickets_behind_it(
    project: Any, reviewer: Any, lead: Any
) -> None:
    version = drafted(project, reviewer, lead)
    (change,) = version.changes
    assert change["evidence"] == ["bare00::fail", "bare01::fail", "bare02::fail"]
    html = html_of(people.browser(reviewer), YOURS)
    assert "guidance v2 (+1 line from your reviews)" in html
    assert FIBRE_RULE in html
    assert "not measured" in html
    assert Suggestion.objects.get().state == Suggestion.State.TAKEN


def test_tickets_that_a_later_run_judged_are_told_with_n(
    project: Any, reviewer: Any, lead: Any
) -> None:
    before = finished_run(project, "before", days_ago=3, guided_by=f"guidance:{MISSION}@1")
    drafted(project, reviewer, lead)
    settle(project, reviewer, "good41", "pass", "fail", model_verdict="pass")
    Review.objects.update(created=timezone.now() - timedelta(days=2))
    client = people.browser(reviewer)
    set_of_run(before)
    assert "No run has judged your tickets again" in html_of(client, YOURS)
    flipped = ("bare00", "bare01", "good40")
    ref = f"guidance:{MISSION}@2"
    set_of_run(finished_run(project, "after", flipped=flipped, guided_by=ref))
    (again,) = yours.changed_by(reviewer, project)["again"]
    assert (again["now"]["value"], again["now"]["n"]) == (0.5, 4)
    assert again["before"]["value"] == 0.0
    assert [row["now"].group_id for row in again["rows"]][2:] == list(flipped[:2])
    html = html_of(client, YOURS)
    assert "Your tickets, judged again" in html
    assert "50.0 % <small>n=4</small>" in html
    assert html.count("now as you said") == 2
    assert "effect of this version" in html
    assert "2 better, 1 worse of n=96" in html
    assert "2 better, 1 worse of n=96" in html_of(client, PAGE), "and beside the version"


def test_a_ticket_whose_label_was_corrected_is_found_by_its_group(
    project: Any, reviewer: Any
) -> None:
    settle(project, reviewer, "wrong00", "pass", "pass", model_verdict="fail")
    Review.objects.update(created=timezone.now() - timedelta(days=2))
    set_of_run(finished_run(project, "after"))
    (again,) = yours.changed_by(reviewer, project)["again"]
    assert again["rows"][0]["now"].ticket_key == "wrong00::fail"
    assert again["now"] == {**again["now"], "value": 1.0, "n": 1}


def reflection(**proposal: Any) -> dict[str, Any]:
    said = {
        "action": "refine", "summary": "", "critique": "", "text": "两个工单缺保护",
        "operations": [], "hypotheses": [], "evidence_group_ids": ["bare00::fail"],
        "uncertainty_note": "", "no_evidence_group_ids": ["good00::pass"],
    }  # fmt: skip
    return {
        "epoch": 1,
        "reflection": {
            "reflection_id": "miner-0001", "mission": MISSION, "proposal": {**said, **proposal},
            "eligible": True, "applied": True, "guidance_step_before": 1,
            "guidance_step_after": 2, "ineligible_reason": None, "warnings": ["uncovered=1"],
        },
    }  # fmt: skip


def operation(op: str, text: str, refused: str = "") -> dict[str, Any]:
    return {
        "op": op, "key": "G1", "merged_from": [], "text": text, "rationale": "见证据",
        "evidence": ["bare00::fail"], "refused": refused,
    }  # fmt: skip


def test_a_version_of_a_reflecting_run_shows_what_was_tried_and_refused(
    project: Any, viewer: Any, lead: Any
) -> None:
    run = finished_run(project, "reflected", search=True)
    client = people.browser(lead)
    assert "What reflection tried" not in html_of(client, f"/p/alpha/guidance/promote/{run.uid}/")
    refused = operation("add", "<b>抄写摘要</b>", "the text copies a summary")
    line = reflection(operations=[operation("add", FIBRE_RULE), refused])
    up = upload(
        {"reflection.jsonl": f"{json.dumps(line)}\n".encode(), "rule_candidates.jsonl": b""}
    )
    Output.objects.filter(run_uid=run.uid, type="verdicts").update(files=up.files)
    for url in (f"/p/alpha/guidance/promote/{run.uid}/", PAGE):
        html = html_of(client, url)
        assert "What reflection tried" in html
        assert "reflections: 1, with changes: 1 · proposals: 2, refused: 1" in html
        assert "the text copies a summary" in html
        assert "&lt;b&gt;抄写摘要" in html
        assert "1 ticket to people" in html
        if url != PAGE:
            services.promote(SYSTEM, project, run, "")
