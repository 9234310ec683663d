"""The search as a whole, with a backend that does what a model with blind spots would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from mlcore.run.events import EventWriter
from mlcore.stage_b.backends.protocol import Question, Reply
from mlcore.stage_b.config import StageBConfig
from mlcore.stage_b.guidance.model import Guidance
from mlcore.stage_b.guidance.store import GuidanceStore
from mlcore.stage_b.judging import Judgements
from mlcore.stage_b.search.config import MinerConfig, RuleSearchConfig
from mlcore.stage_b.search.loop import Search, Searched
from mlcore.stage_b.search.proposer import Miner
from mlcore.stage_b.search.report import with_search
from mlcore.stage_b.search.split import three_parts
from mlcore.stage_b.ticket import Decode, Ticket
from tests.support.tickets import BARE_FIBRE, GOOD, MISSION, PASS, guidance, ticket

FIBRE_RULE = "若任一图中「光纤」的「保护措施」为「无保护」，则判不通过。"
LABEL = "类别=标签,可读性=不可读×1"


class Lenient:
    """Passes everything, and counts what it is asked."""

    model_digest: str | None = None
    about: Mapping[str, str] = {"type": "lenient"}

    def __init__(self) -> None:
        self.asked = 0

    def answer(self, questions: Sequence[Question], decode: Decode) -> list[Reply]:
        self.asked += len(questions)
        return [Reply(PASS) for _ in questions]


def tickets(noise: int) -> list[Ticket]:
    """The desk fails bare fibres and nothing else; `noise` of its labels are wrong."""
    out = [ticket(f"good{i:03}", "pass", GOOD, *([LABEL] * (i % 2))) for i in range(90)]
    out += [ticket(f"bare{i:03}", "fail", GOOD, BARE_FIBRE) for i in range(60)]
    out += [ticket(f"wrong{i:03}", "fail", GOOD) for i in range(noise)]
    return out


def search(
    folder: Path, made: Sequence[Ticket], start: Guidance, **changes: object
) -> tuple[Searched, Lenient, GuidanceStore]:
    config = StageBConfig.model_validate(
        {
            "kind": "stage_b",
            "mission": MISSION,
            "summaries": ["x"],
            "guidance": "x",
            "backend": {"type": "replay", "path": "x"},
            "sampler": {"grid": [{"temperature": 0.0}]},
            "search": changes,
        }
    )
    assert config.search is not None
    assert isinstance(config.search.proposer, MinerConfig)
    backend = Lenient()
    store = GuidanceStore(folder / "guidance", 5)
    store.begin(start)
    judge = Judgements(config, backend, "bbu", lambda: None)
    events = EventWriter(folder / "events.jsonl")
    run = Search(
        config.search, judge.decided, Miner(config.search.proposer), store, events,
        lambda: None,
    )  # fmt: skip
    return run.run(three_parts(made, (0.3, 0.3), 1), start), backend, store


def test_the_rule_that_labels_follow_is_found_and_shown_on_untouched_tickets(
    tmp_path: Path,
) -> None:
    found, _, store = search(tmp_path, tickets(noise=10), guidance())
    assert list(found.guidance.learnt.values()) == [FIBRE_RULE]
    assert store.load(MISSION).learnt == found.guidance.learnt
    before, after = found.report.before, found.report.after
    assert before.false_release is not None
    assert after.false_release is not None
    assert after.false_release < 0.2 < before.false_release
    assert found.report.p < 0.001
    (row,) = [row for row in found.rows if row.applied]
    assert row.text == FIBRE_RULE
    assert row.evidence
    report = with_search({"headline": {}}, found)
    untouched = report["search"]["untouched"]
    assert untouched["before"]["false_release"]["interval"] is not None
    assert untouched["paired"]["worse"] == 0


def test_labels_that_follow_nothing_teach_nothing(tmp_path: Path) -> None:
    made = [ticket(f"t{i:03}", "fail" if i % 3 == 0 else "pass", GOOD) for i in range(120)]
    found, _, store = search(tmp_path, made, guidance())
    assert found.guidance.learnt == {}
    assert found.iterations == 2
    assert store.snapshots() == []


def test_a_useless_rule_of_the_run_is_removed_and_one_of_a_person_stays(tmp_path: Path) -> None:
    own = guidance(G1="若任一图中「标签」的「文本」为「甲」，则判不通过。")
    found, _, _ = search(tmp_path, tickets(noise=0), own)
    assert "G1" in found.guidance.learnt


def test_a_rule_that_would_release_more_wrongly_is_refused(tmp_path: Path) -> None:
    accepted = "类别=BBU安装螺丝,问题=生锈×1"
    made = [ticket(f"a{i:03}", "pass", accepted) for i in range(60)]
    made += [ticket(f"b{i:03}", "fail", accepted) for i in range(30)]
    made += [ticket(f"c{i:03}", "pass", GOOD) for i in range(60)]
    easy = {"type": "miner", "precision": 0.5}
    found, _, _ = search(tmp_path, made, guidance(), proposer=easy)
    assert found.guidance.learnt == {}
    assert any("false release grows" in reason for row in found.rows for reason in row.refusals)


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    made = tickets(noise=0)
    _, backend, _ = search(tmp_path, made, guidance(), iterations=3)
    # Each ticket under the first guidance and under each tried one, never the same pair again.
    assert backend.asked < 4 * len(made)


def test_a_share_must_be_left_for_the_report() -> None:
    with pytest.raises(ValueError, match="untouched"):
        RuleSearchConfig(propose_share=0.5, gate_share=0.5)
