"""Lines of logs name their rank; warnings of other ranks reach the run once."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transformers.utils import logging as library_logging

from mlcore.run.events import EventWriter, read_events
from mlcore.train.rank_words import OtherRanks, name_the_rank


@pytest.fixture
def own_logging() -> Iterator[None]:
    """The process's logging as it was, afterwards."""
    changed = [logging.getLogger(), logging.getLogger("torch")]
    kept = [(list(one.handlers), one.level, one.propagate) for one in changed]
    yield
    for one, (handlers, level, propagate) in zip(changed, kept, strict=True):
        one.handlers[:], one.level, one.propagate = handlers, level, propagate
    logging.captureWarnings(capture=False)
    library_logging.disable_propagation()
    library_logging.enable_default_handler()


def told(events: EventWriter) -> list[dict[str, Any]]:
    rows = [e for e in read_events(events.path) if e["type"] == "warning"]
    return [{k: v for k, v in row.items() if k not in ("v", "seq", "time", "type")} for row in rows]


@pytest.mark.usefixtures("own_logging")
@pytest.mark.parametrize("rank", [0, 2])
def test_a_line_names_its_rank_and_a_warning_of_another_rank_is_an_event(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rank: int
) -> None:
    events = EventWriter(tmp_path / "events.jsonl")
    name_the_rank(rank, 4, events)
    logging.getLogger("torch").warning("slow kernel")
    library_logging.get_logger("transformers.models").warning("weights are tied")
    warnings.warn("a name is old", stacklevel=1)
    lines = capsys.readouterr().err.splitlines()
    assert f"[rank {rank}/4] WARNING torch: slow kernel" in lines
    assert f"[rank {rank}/4] WARNING transformers.models: weights are tied" in lines
    assert any("py.warnings" in line and "a name is old" in line for line in lines)
    messages = [row["message"] for row in told(events)]
    assert messages[:2] == ["torch: slow kernel", "transformers.models: weights are tied"][:rank]
    assert len(messages) == (3 if rank else 0)


def test_warnings_of_other_ranks_are_passed_on_once(tmp_path: Path) -> None:
    own = EventWriter(tmp_path / "attempt-1.jsonl")
    files = {rank: tmp_path / f"rank-{rank}.jsonl" for rank in (1, 2, 3)}
    ranks = {rank: EventWriter(path) for rank, path in files.items() if rank < 3}
    others = OtherRanks(files, own)
    own.warning("fusion_quota", "b: too few records")
    ranks[1].warning("fusion_quota", "b: too few records")
    ranks[1].status("loading")
    ranks[1].warning("log", "torch: slow kernel")
    ranks[2].warning("log", "torch: slow kernel")
    own.progress(1, 4, "steps")
    ranks[2].warning("log", "torch: other kernel")
    own.progress(2, 4, "steps")
    others.pass_on()
    assert told(own) == [
        {"code": "fusion_quota", "message": "b: too few records"},
        {"code": "log", "message": "torch: slow kernel", "rank": 1},
        {"code": "log", "message": "torch: other kernel", "rank": 2},
    ]
