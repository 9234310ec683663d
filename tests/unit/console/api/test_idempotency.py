"""Idempotency-Key: once, whatever the network does."""
from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from console.accounts.models import ApiToken, Project
from console.api.models import StoredAnswer

URL = "/api/v1/projects/"


def body(slug: str) -> dict[str, str]:
    return {"slug": slug, "name": slug, "description": ""}


@pytest.mark.django_db
def test_a_repeat_gets_the_first_answer_and_acts_once(api: Any, superuser: Any) -> None:
    client = api(superuser)
    first = client.send("post", URL, body("one"), Idempotency_Key="k")
    again = client.send("post", URL, body("one"), Idempotency_Key="k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Project.objects.count() == 1


@pytest.mark.django_db
def test_the_same_key_for_another_body_is_a_conflict(api: Any, superuser: Any) -> None:
    client = api(superuser)
    client.send("post", URL, body("one"), Idempotency_Key="k")
    response = client.send("post", URL, body("two"), Idempotency_Key="k")
    assert (response.status_code, response.json()["code"]) == (409, "idempotency_mismatch")


@pytest.mark.django_db
def test_an_error_is_not_kept(api: Any, superuser: Any) -> None:
    client = api(superuser)
    assert client.send("post", URL, body("NOT A SLUG"), Idempotency_Key="k").status_code == 422
    assert StoredAnswer.objects.count() == 0
    assert client.send("post", URL, body("one"), Idempotency_Key="k").status_code == 201


@pytest.mark.django_db
def test_keys_of_two_people_do_not_meet(api: Any, viewer: Any, operator: Any) -> None:
    for user in (viewer, operator):
        response = api(user).send("post", "/api/v1/tokens/", {"name": "t"}, Idempotency_Key="k")
        assert response.status_code == 201
    assert ApiToken.objects.filter(name="t").count() == 2


@pytest.mark.django_db
def test_a_key_is_free_again_after_a_day(api: Any, superuser: Any) -> None:
    client = api(superuser)
    client.send("post", URL, body("one"), Idempotency_Key="k")
    with time_machine.travel(timezone.now() + timedelta(hours=25), tick=False):
        response = client.send("post", URL, body("two"), Idempotency_Key="k")
    assert response.status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "k" * 201])
def test_a_key_has_1_to_200_characters(api: Any, superuser: Any, key: str) -> None:
    response = api(superuser).send("post", URL, body("one"), Idempotency_Key=key)
    assert (response.status_code, response.json()["code"]) == (400, "idempotency_key")


@pytest.mark.django_db(transaction=True)
def test_of_requests_at_the_same_time_one_acts_and_the_others_get_its_answer(
    api: Any, superuser: Any
) -> None:
    clients = [api(superuser) for _ in range(4)]
    answers: list[Any] = []

    def send(client: Any) -> None:
        answers.append(client.send("post", URL, body("one"), Idempotency_Key="k"))
        connection.close()

    threads = [threading.Thread(target=send, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 4
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert Project.objects.count() == 1
