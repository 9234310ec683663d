"""The first start, and every start after it."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from console.accounts.audit import SYSTEM
from console.accounts.models import ApiToken, HostToken, Project, User
from console.accounts.tokens import find_api_token, find_host_token, revoke

pytestmark = pytest.mark.django_db


def bootstrap(capsys: Any) -> dict[str, Any]:
    call_command("bootstrap", "--json")
    out: dict[str, Any] = json.loads(capsys.readouterr().out)
    return out


def test_the_first_start_makes_project_operator_and_tokens(state_dir: Path, capsys: Any) -> None:
    made = bootstrap(capsys)
    assert set(made) == {"project", "operator", "one_time_password", "host_token", "api_token"}
    assert Project.objects.get().slug == made["project"]
    user = User.objects.get(username=made["operator"])
    assert user.check_password(made["one_time_password"])
    assert user.must_change_password
    assert find_host_token(made["host_token"]) is not None
    assert find_api_token(made["api_token"]) is not None
    for name in ("host_token", "api_token"):
        file = state_dir / name
        assert file.read_text().strip() == made[name]
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_second_start_changes_only_the_unused_one_time_password(capsys: Any) -> None:
    first, second = bootstrap(capsys), bootstrap(capsys)
    assert first["one_time_password"] != second["one_time_password"]
    assert User.objects.get().check_password(second["one_time_password"])
    assert {**first, "one_time_password": 0} == {**second, "one_time_password": 0}
    assert (HostToken.objects.count(), ApiToken.objects.count()) == (1, 1)


def test_a_chosen_password_is_never_replaced(capsys: Any) -> None:
    bootstrap(capsys)
    user = User.objects.get()
    user.set_password("a phrase of my own")
    user.must_change_password = False
    user.save()
    assert bootstrap(capsys)["one_time_password"] is None
    user.refresh_from_db()
    assert user.check_password("a phrase of my own")


def test_a_revoked_or_lost_local_token_is_made_anew(state_dir: Path, capsys: Any) -> None:
    first = bootstrap(capsys)
    revoke(SYSTEM, HostToken.objects.get())
    (state_dir / "api_token").unlink()
    second = bootstrap(capsys)
    assert second["host_token"] != first["host_token"]
    assert find_host_token(second["host_token"]) is not None
    assert find_api_token(second["api_token"]) is not None
