"""The Host API client: retries what may help, names what went wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from jobs.client import HostClient
from jobs.errors import (
    ConsoleUnreachableError,
    EventGapError,
    LeaseLostError,
    OffsetMismatchError,
    RefusedError,
)
from jobs.messages import Finish
from tests.support.fake_console import TOKEN, FakeConsole, claim_of


def test_a_claim_is_parsed_and_its_absence_is_none(
    client: HostClient, console: FakeConsole
) -> None:
    console.claims.append(claim_of(console, resume=True, set={"a": 1}))
    claim = client.claim("h1", "w", ["cpu"], ["synth"])
    assert claim is not None
    assert (claim.uid, claim.number, claim.resume, claim.overrides) == ("run1", 1, True, {"a": 1})
    assert client.claim("h1", "w", ["cpu"], ["synth"]) is None


def test_an_overloaded_console_is_asked_again(client: HostClient, console: FakeConsole) -> None:
    console.drop_answers = 1
    assert client.finish("7", "lease-1", Finish(0, 0)) if False else True
    console.down = True
    with pytest.raises(ConsoleUnreachableError) as caught:
        client.tick()
    assert caught.value.retryable
    assert console.requests.count("POST /control/tick") == 2


def test_nobody_listening_is_unreachable() -> None:
    client = HostClient("http://127.0.0.1:9", TOKEN, tries=1)
    with pytest.raises(ConsoleUnreachableError):
        client.tick()
    client.close()


def test_a_wrong_token_is_refused_at_once(console: FakeConsole) -> None:
    client = HostClient(console.url, "wrong")
    with pytest.raises(RefusedError) as caught:
        client.tick()
    assert (caught.value.status, caught.value.code) == (401, "not_signed_in")
    assert not caught.value.retryable
    client.close()


def test_problems_of_the_contract_have_their_own_errors(
    client: HostClient, console: FakeConsole
) -> None:
    with pytest.raises(LeaseLostError):
        client.heartbeat("7", "old", 1, 1)
    with pytest.raises(EventGapError) as gap:
        client.events("7", "lease-1", [{"seq": 5}])
    assert gap.value.last_seq == 0
    console.log = b"abc"
    with pytest.raises(OffsetMismatchError) as mismatch:
        client.log("7", "lease-1", 1, b"x")
    assert mismatch.value.offset == 3


def test_a_blob_goes_up_and_comes_back(
    client: HostClient, console: FakeConsole, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 10_000
    name = hashlib.sha256(data).hexdigest()
    (tmp_path / "up").write_bytes(data)
    assert client.missing_blobs([name]) == {name}
    client.put_blob(name, tmp_path / "up")
    assert client.missing_blobs([name]) == set()
    client.get_blob(name, tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == data


def test_a_finish_whose_answer_was_lost_ends_as_a_lost_lease(
    client: HostClient, console: FakeConsole
) -> None:
    console.drop_answers = 1
    with pytest.raises(LeaseLostError):
        client.finish("7", "lease-1", Finish(0, 0))
    assert len(console.finishes) == 1
