"""The audit log is only ever added to."""
from __future__ import annotations

from typing import Any

import pytest

from console.accounts.audit import SYSTEM, Actor, record
from console.accounts.models import AppendOnlyError, AuditEntry

pytestmark = pytest.mark.django_db


def test_an_entry_says_who_did_what_to_which_object(project: Any, lead: Any, api: Any) -> None:
    record(Actor.of_user(lead), "gate.decide", "gate:7", project=project, detail={"why": "ok"})
    entry = api(lead).get("/api/v1/projects/alpha/audit/").json()["items"][0]
    assert (entry["actor"], entry["action"], entry["object"]) == ("lead", "gate.decide", "gate:7")
    assert entry["detail"] == {"why": "ok"}


def test_an_entry_cannot_be_changed_or_deleted() -> None:
    entry = record(SYSTEM, "thing.do")
    entry.action = "other"
    for attempt in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(action="other"),
        lambda: AuditEntry.objects.bulk_update([entry], ["action"]),
    ):
        with pytest.raises(AppendOnlyError):
            attempt()
    assert AuditEntry.objects.get().action == "thing.do"


def test_entries_of_another_project_are_not_shown(
    api: Any, admin: Any, foreign_project: Any
) -> None:
    record(SYSTEM, "thing.do", project=foreign_project)
    record(SYSTEM, "site.thing")
    assert api(admin).get("/api/v1/projects/alpha/audit/").json()["items"] == []


@pytest.mark.parametrize("role", ["viewer", "operator", "reviewer"])
def test_most_roles_may_not_read_it(api: Any, role: str, request: Any) -> None:
    user = request.getfixturevalue(role)
    assert api(user).get("/api/v1/projects/alpha/audit/").status_code == 403
