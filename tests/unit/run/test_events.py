from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.errors import InfrastructureError
from mlcore.run.events import EventWriter, last_seq, read_events


def test_events_are_numbered_from_one_and_read_back_in_order(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / "e.jsonl")
    writer.status("running", "working")
    writer.progress(3, 10, "images")
    writer.metric(5, {"loss": 0.5}, epoch=0.25)
    events = list(read_events(tmp_path / "e.jsonl"))
    assert [(e["v"], e["seq"], e["type"]) for e in events] == [
        (1, 1, "status"),
        (1, 2, "progress"),
        (1, 3, "metric"),
    ]
    assert events[2]["values"] == {"loss": 0.5}
    assert events[0]["time"].endswith("Z")


def test_numbering_goes_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    EventWriter(path).progress(1, 2, "steps")
    EventWriter(path).progress(2, 2, "steps")
    assert [e["seq"] for e in read_events(path)] == [1, 2]


@given(st.integers(min_value=1, max_value=60))
def test_a_torn_last_line_is_skipped_and_its_number_used_again(cut: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "e.jsonl"
        writer = EventWriter(path)
        writer.progress(1, 9, "steps")
        writer.progress(2, 9, "steps")
        data = path.read_bytes()
        second = len(data) - len(data.splitlines(keepends=True)[-1])
        path.write_bytes(data[: max(second, len(data) - cut)])
        assert [e["seq"] for e in read_events(path)] == [1]
        EventWriter(path).progress(3, 9, "steps")
        assert [(e["seq"], e["done"]) for e in read_events(path)] == [(1, 1), (2, 3)]


def test_a_metric_that_is_no_number_becomes_a_warning(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / "e.jsonl")
    writer.metric(7, {"loss": float("nan"), "lr": 0.1})
    warning, metric = read_events(tmp_path / "e.jsonl")
    assert (warning["code"], warning["message"]) == ("non_finite_metric", "loss was nan at step 7")
    assert metric["values"] == {"lr": 0.1}


def test_a_full_disk_stops_the_run_as_infrastructure(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / "e.jsonl")
    writer._file = Path("/dev/full").open("w")  # noqa: SIM115 - every write to it fails with ENOSPC
    with pytest.raises(InfrastructureError, match="cannot write an event"):
        writer.progress(1, 2, "steps")


def test_text_is_written_as_it_is(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / "e.jsonl")
    writer.warning("odd", "line\nbreak and 螺丝")
    raw = (tmp_path / "e.jsonl").read_text(encoding="utf-8")
    assert raw.count("\n") == 1
    assert "螺丝" in raw
    assert json.loads(raw)["message"] == "line\nbreak and 螺丝"
    assert last_seq(tmp_path / "e.jsonl") == 1
