"""What an attempt left unsaid when its worker died is told by the attempt that continues it."""
from __future__ import annotations

from typing import Any

import pytest

from console.fleet.models import Host
from console.runs import services
from console.runs.event_schema import parse_events
from console.runs.fencing import LeaseLostError
from console.runs.metric_store import read
from console.runs.models import Attempt
from tests.unit.console.runs.conftest import claimed, event, metric, send, silence

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(launch: Any, host: Host) -> tuple[Attempt, Attempt]:
    """A lost attempt that had told three of its events, and the one that continues."""
    launch()
    first = claimed(host)
    send(first, event(1, "status", phase="running", message=""), metric(2, 1), metric(3, 2))
    services.take_log(first.pk, str(first.lease), 0, b"one\n")
    silence(first)
    services.reap()
    return first, claimed(host)


def tell(attempt: Attempt, lease: Attempt, *events: dict[str, Any]) -> int:
    return services.take_events(attempt.pk, str(lease.lease), parse_events(list(events)))


def test_a_claim_says_how_far_the_earlier_attempts_were_told(two: tuple[Attempt, Attempt]) -> None:
    first, second = two
    assert services.describe(second)["earlier"] == [
        {"id": first.pk, "number": 1, "last_seq": 3, "log_size": 4}
    ]


def test_the_rest_of_an_earlier_attempt_joins_its_points(two: tuple[Attempt, Attempt]) -> None:
    first, second = two
    assert tell(first, second, metric(3, 2), metric(4, 3)) == 4
    assert services.take_log(first.pk, str(second.lease), 4, b"two\n") == 8
    send(second, event(1, "rewind", step=3), metric(2, 4))
    points = read(second.run, ["loss"])[0].points
    assert points.steps.tolist() == [1, 2, 3, 4]
    first.refresh_from_db()
    assert (first.last_seq, first.log_size, first.state) == (4, 8, "lost")


def test_last_words_of_an_earlier_attempt_do_not_change_what_the_run_shows(
    two: tuple[Attempt, Attempt],
) -> None:
    first, second = two
    tell(first, second, event(4, "error", code="interrupted", message="stopped", hint="", where=""))
    second.run.refresh_from_db()
    assert second.run.error == {}
    assert second.run.events.filter(attempt=first, type="error").count() == 1


def test_the_old_lease_and_a_stranger_s_are_refused(
    two: tuple[Attempt, Attempt], launch: Any, host: Host
) -> None:
    first, _second = two
    launch()
    stranger = claimed(host)
    for lease in (first, stranger):
        with pytest.raises(LeaseLostError):
            tell(first, lease, metric(4, 3))
