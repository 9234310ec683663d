"""Reading what a child writes while it writes it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from jobs.tail import BATCH_EVENTS, LOG_CHUNK, EventTail, LogTail


def line(seq: int, text: str = "") -> bytes:
    return json.dumps({"v": 1, "seq": seq, "type": "status", "text": text}).encode() + b"\n"


def test_a_torn_last_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_bytes(line(1) + line(2)[:-5])
    tail = EventTail(path)
    batch = tail.read()
    assert batch is not None
    assert [e["seq"] for e in batch.events] == [1]
    tail.confirm(batch, 1)
    assert tail.read() is None
    path.write_bytes(line(1) + line(2))
    second = tail.read()
    assert second is not None
    assert [e["seq"] for e in second.events] == [2]


def test_nothing_moves_before_it_is_confirmed(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_bytes(line(1))
    tail = EventTail(path)
    assert tail.read() == tail.read()
    assert tail.last_seq == 0


def test_batches_are_limited_in_number_and_bytes(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_bytes(b"".join(line(n) for n in range(1, 2 * BATCH_EVENTS)))
    batch = EventTail(path).read()
    assert batch is not None
    assert len(batch.events) == BATCH_EVENTS
    path.write_bytes(b"".join(line(n, "x" * 100_000) for n in range(1, 10)))
    batch = EventTail(path).read()
    assert batch is not None
    assert [e["seq"] for e in batch.events] == [1, 2]


def test_an_event_larger_than_a_batch_goes_alone(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_bytes(line(1, "x" * 400_000) + line(2))
    batch = EventTail(path).read()
    assert batch is not None
    assert [e["seq"] for e in batch.events] == [1]


def test_an_unreadable_line_becomes_a_warning_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_bytes(line(1) + b"\xff not json\n" + line(3))
    batch = EventTail(path).read()
    assert batch is not None
    assert [(e["seq"], e["type"]) for e in batch.events] == [
        (1, "status"), (2, "warning"), (3, "status"),
    ]


@given(stored=st.integers(0, 20), wrote=st.integers(1, 20))
def test_after_any_answer_the_next_event_is_the_one_that_is_missing(
    stored: int, wrote: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "e.jsonl"
        path.write_bytes(b"".join(line(n) for n in range(1, wrote + 1)))
        tail = EventTail(path)
        batch = tail.read()
        assert batch is not None
        tail.confirm(batch, min(stored, wrote))
        rest = tail.read()
        seqs = [] if rest is None else [e["seq"] for e in rest.events]
        assert seqs == list(range(min(stored, wrote) + 1, wrote + 1))


def carried(tail: LogTail) -> bytes:
    out = b""
    while chunk := tail.read():
        tail.confirm(chunk)
        out += chunk
    return out


def test_a_log_is_read_in_chunks_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "l.txt"
    path.write_bytes(b"a" * (LOG_CHUNK + 10))
    tail = LogTail(path, file_limit=1 << 30, carry_limit=1 << 30)
    assert carried(tail) == path.read_bytes()
    assert tail.offset == LOG_CHUNK + 10


def test_rotation_keeps_what_comes_after_it(tmp_path: Path) -> None:
    path = tmp_path / "l.txt"
    tail = LogTail(path, file_limit=100, carry_limit=1 << 30)
    with path.open("ab") as writer:
        writer.write(b"a" * 150)
        writer.flush()
        home = carried(tail)
        tail.rotate()
        writer.write(b"b" * 20)
        writer.flush()
        home += carried(tail)
    assert home == b"a" * 150 + b"b" * 20
    assert path.stat().st_size == 20
    assert path.with_suffix(".1.txt").read_bytes() == b"a" * 150
    assert tail.offset == 170


def test_rotation_says_how_much_it_dropped(tmp_path: Path) -> None:
    path = tmp_path / "l.txt"
    path.write_bytes(b"a" * 150)
    tail = LogTail(path, file_limit=100, carry_limit=1 << 30)
    tail.rotate()
    assert b"150 bytes of log were dropped" in carried(tail)


def test_a_log_beyond_the_limit_ends_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "l.txt"
    path.write_bytes(b"a" * 50)
    tail = LogTail(path, file_limit=1 << 30, carry_limit=40)
    home = carried(tail)
    assert home.startswith(b"a" * 50)
    assert b"longer than 40 bytes" in home
    path.write_bytes(b"a" * 90)
    assert tail.read() == b""


def test_an_answer_that_was_lost_repeats_no_bytes(tmp_path: Path) -> None:
    path = tmp_path / "l.txt"
    path.write_bytes(b"abcdef")
    tail = LogTail(path, file_limit=1 << 30, carry_limit=1 << 30)
    assert tail.read() == b"abcdef"
    tail.correct(6)
    assert tail.read() == b""
    path.write_bytes(b"abcdefgh")
    assert tail.read() == b"gh"
