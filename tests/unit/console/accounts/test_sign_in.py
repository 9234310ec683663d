"""Signing in: passwords, lock-out per account and address, one-time passwords."""
from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from console.accounts import services
from console.accounts.audit import SYSTEM
from console.accounts.models import AuditEntry, LoginAttempt, User
from tests.support.people import PASSWORD, browser

pytestmark = pytest.mark.django_db
URL = "/sign-in/"


def sign_in(client: Client, username: str, password: str, address: str = "10.0.0.1") -> int:
    body = {"username": username, "password": password}
    return client.post(URL, body, REMOTE_ADDR=address).status_code


def test_the_right_password_starts_a_session(viewer: User) -> None:
    client = browser()
    assert sign_in(client, "viewer", PASSWORD) == 302
    assert client.session["_auth_user_id"] == str(viewer.pk)
    assert AuditEntry.objects.filter(action="session.start", actor="viewer").count() == 1


def test_a_username_is_not_case_sensitive(viewer: User) -> None:
    assert sign_in(browser(), "Viewer ", PASSWORD) == 302


def test_a_wrong_password_starts_none(viewer: User) -> None:
    client = browser()
    assert sign_in(client, "viewer", "wrong") == 401
    assert "_auth_user_id" not in client.session


def test_an_inactive_person_cannot_sign_in(viewer: User) -> None:
    services.set_active(SYSTEM, viewer, active=False)
    assert sign_in(browser(), "viewer", PASSWORD) == 401


def test_an_account_locks_after_five_failures_even_for_the_right_password(viewer: User) -> None:
    for number in range(5):
        assert sign_in(browser(), "viewer", "wrong", f"10.0.0.{number}") == 401
    client = browser()
    assert sign_in(client, "viewer", PASSWORD, "10.9.9.9") == 401
    assert "_auth_user_id" not in client.session
    assert services.locked_until("viewer", "10.9.9.9") is not None


def test_a_locked_account_opens_again_after_the_window(viewer: User) -> None:
    for _ in range(5):
        sign_in(browser(), "viewer", "wrong")
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        assert sign_in(browser(), "viewer", PASSWORD) == 302


def test_knocking_on_a_locked_door_does_not_keep_it_locked(viewer: User) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        for _ in range(5):
            sign_in(browser(), "viewer", "wrong")
    with time_machine.travel(start + timedelta(minutes=14), tick=False):
        assert sign_in(browser(), "viewer", PASSWORD) == 401
    with time_machine.travel(start + timedelta(minutes=16), tick=False):
        assert sign_in(browser(), "viewer", PASSWORD) == 302


def test_a_success_clears_the_failures_of_the_account(viewer: User) -> None:
    for _ in range(4):
        sign_in(browser(), "viewer", "wrong")
    assert sign_in(browser(), "viewer", PASSWORD) == 302
    assert sign_in(browser(), "viewer", "wrong") == 401
    assert services.locked_until("viewer", None) is None


def test_an_address_locks_over_many_accounts(viewer: User, operator: User) -> None:
    for number in range(20):
        sign_in(browser(), f"nobody{number}", "wrong", "10.0.0.7")
    assert sign_in(browser(), "viewer", PASSWORD, "10.0.0.7") == 401
    assert sign_in(browser(), "viewer", PASSWORD, "10.0.0.8") == 302


def test_owning_one_account_does_not_free_an_address_that_guesses(viewer: User) -> None:
    for number in range(19):
        sign_in(browser(), f"nobody{number}", "wrong", "10.0.0.7")
    assert sign_in(browser(), "viewer", PASSWORD, "10.0.0.7") == 302
    sign_in(browser(), "nobody", "wrong", "10.0.0.7")
    assert services.locked_until("operator", "10.0.0.7") is not None


def test_a_forwarded_address_is_believed_only_behind_our_own_proxy(
    viewer: User, settings: object
) -> None:
    client = browser()
    for value in ("1.1.1.1", "2.2.2.2"):
        client.post(URL, {"username": "x", "password": "y"}, headers={"X-Forwarded-For": value})
    assert set(LoginAttempt.objects.values_list("address", flat=True)) == {"127.0.0.1"}
    settings.TRUSTED_PROXIES = 1  # type: ignore[attr-defined]
    client.post(
        URL, {"username": "x", "password": "y"}, headers={"X-Forwarded-For": "6.6.6.6, 3.3.3.3"}
    )
    newest = LoginAttempt.objects.latest("id")
    assert newest.address == "3.3.3.3"


def test_a_one_time_password_opens_nothing_but_the_password_page(viewer: User) -> None:
    password = services.issue_one_time_password(SYSTEM, viewer)
    client = browser()
    assert sign_in(client, "viewer", password) == 302
    assert client.get("/api/v1/me/").json()["code"] == "password_change_required"
    response = client.get("/")
    assert (response.status_code, response.headers["Location"]) == (302, "/password/")
    assert client.get("/password/").status_code == 200


def test_choosing_a_password_opens_the_rest_and_ends_other_sessions(viewer: User) -> None:
    password = services.issue_one_time_password(SYSTEM, viewer)
    client, other = browser(), browser()
    sign_in(client, "viewer", password)
    sign_in(other, "viewer", password)
    body = {"old": password, "new": "quite another phrase", "again": "quite another phrase"}
    client.post("/password/", body)
    viewer.refresh_from_db()
    assert not viewer.must_change_password
    assert viewer.check_password("quite another phrase")
    assert client.get("/api/v1/me/").status_code == 200
    assert other.get("/api/v1/me/").status_code == 401


@pytest.mark.parametrize("new", ["short", "111111111111", "password1234"])
def test_a_weak_password_is_refused(viewer: User, new: str, rf: object) -> None:
    request = rf.post("/password/")  # type: ignore[attr-defined]
    request.user = viewer
    with pytest.raises(ValidationError) as caught:
        services.change_password(request, PASSWORD, new)
    assert "new" in caught.value.message_dict


def test_signing_out_ends_the_session(viewer: User) -> None:
    client = browser(viewer)
    assert client.post("/sign-out/").status_code == 302
    assert client.get("/api/v1/me/").status_code == 401
