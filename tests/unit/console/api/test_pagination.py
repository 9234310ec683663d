"""Keyset pages: nothing twice, nothing missed, no made-up cursors."""
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.accounts.audit import SYSTEM, record
from console.accounts.models import AuditEntry, Project
from console.api.pagination import Order, keyset_page
from console.api.problems import ApiProblem

pytestmark = pytest.mark.django_db


def walk(rows: Any, order: Order, limit: int) -> list[int]:
    seen, cursor = [], ""
    while True:
        page = keyset_page(rows, order, cursor, limit)
        seen += [row.pk for row in page.items]
        if page.next_cursor is None:
            return seen
        cursor = page.next_cursor


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_pages_together_are_the_whole_list(project: Project, limit: int) -> None:
    for number in range(13):
        record(SYSTEM, f"thing.{number % 3}", project=project)
    rows = AuditEntry.objects.all()
    for fields in [("id",), ("-id",), ("action", "-id"), ("-action", "time", "id")]:
        expected = list(rows.order_by(*fields).values_list("pk", flat=True))
        assert walk(rows, Order("any", fields), limit) == expected


def test_a_row_that_arrives_meanwhile_is_neither_repeated_nor_hides_another(
    project: Project, api: Any, admin: Any
) -> None:
    for number in range(4):
        record(SYSTEM, f"thing.{number}", project=project)
    client = api(admin)
    first = client.get("/api/v1/projects/alpha/audit/?limit=2").json()
    record(SYSTEM, "thing.new", project=project)
    url = f"/api/v1/projects/alpha/audit/?limit=2&cursor={first['next_cursor']}"
    second = client.get(url).json()
    actions = [row["action"] for row in first["items"] + second["items"]]
    assert actions == ["thing.3", "thing.2", "thing.1", "thing.0"]


@pytest.mark.parametrize("limit", ["0", "201", "-1", "ten", "1.5", "", "٣"])
def test_a_limit_is_1_to_200(api: Any, viewer: Any, limit: str) -> None:
    response = api(viewer).get("/api/v1/projects/", {"limit": limit})
    assert (response.status_code, response.json()["code"]) == (400, "bad_parameter")


def test_a_cursor_of_another_order_is_refused(project: Project) -> None:
    for _ in range(3):
        record(SYSTEM, "thing", project=project)
    rows = AuditEntry.objects.all()
    cursor = keyset_page(rows, Order("a", ("id",)), "", 1).next_cursor
    assert cursor is not None
    with pytest.raises(ApiProblem) as caught:
        keyset_page(rows, Order("b", ("-id",)), cursor, 1)
    assert caught.value.code == "bad_cursor"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cursor=st.text(min_size=1, max_size=60))
def test_a_made_up_cursor_is_a_400(cursor: str) -> None:
    with pytest.raises(ApiProblem) as caught:
        keyset_page(AuditEntry.objects.all(), cursor=cursor)
    assert caught.value.status_code == 400
