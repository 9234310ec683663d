"""Answers come in any order, tickets are written in theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.errors import DataError, GatehouseError
from mlcore.stage_a.answer import Answer, Job
from mlcore.stage_a.group import Group, Photo
from mlcore.stage_a.ledger import FILES, Ledger
from mlcore.stage_a.record import read_stage_a

SIZES = (2, 1, 3)
GROUPS = [
    Group(f"g{i}", "fail" if i else "pass", photos)
    for i, n in enumerate(SIZES)
    for photos in [tuple(Photo(f"{k}.jpg", f"{i}/{k}.jpg") for k in range(n))]
]


def ledger(folder: Path, groups: list[Group] = GROUPS, share: float = 1.0, **named: Any) -> Ledger:
    folder.mkdir(exist_ok=True)
    return Ledger(folder, "任务", groups, share, **{"resume": False, **named})


def said(job: Job) -> Answer:
    return Answer(job, f"类别=螺丝×{1 + job.group + job.place}")


def written(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text(encoding="utf-8") for name in FILES}


def rejects(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@given(order=st.permutations(range(sum(SIZES))))
def test_no_order_of_answers_changes_what_is_written(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    with ledger(folder) as book:
        jobs = book.jobs()
        for at in order:
            book.take([said(jobs[at])])
        book.finish()
    keys = [record.ticket_key for record in read_stage_a(folder)]
    assert keys == ["g0::pass", "g1::fail", "g2::fail"]
    texts = [s for record in read_stage_a(folder) for s in record.summaries]
    assert texts == [said(job).text for job in jobs]


def test_a_ticket_is_on_disk_as_soon_as_it_and_those_before_it_are_whole(tmp_path: Path) -> None:
    with ledger(tmp_path) as book:
        first, second, alone, *_ = book.jobs()
        assert book.take([said(alone), said(first)]) == []
        assert written(tmp_path)["stage_a.jsonl"] == ""
        assert [one.group.group_id for one in book.take([said(second)])] == ["g0", "g1"]
        assert len(list(read_stage_a(tmp_path))) == 2


def test_an_image_that_is_answered_twice_or_never_is_an_error(tmp_path: Path) -> None:
    with ledger(tmp_path) as book:
        job, other, *_ = book.jobs()
        book.take([said(job)])
        with pytest.raises(GatehouseError, match="twice"):
            book.take([said(job)])
        book.take([said(other)])
        with pytest.raises(GatehouseError, match="twice"):
            book.take([said(other)])
        with pytest.raises(GatehouseError, match="lacks answers"):
            book.finish()


@pytest.mark.parametrize(
    ("answer", "reason"), [((None, "the picture is empty"), "is empty"), (("  ",), "is empty")]
)
def test_a_ticket_with_an_image_without_summary_is_rejected_with_the_reason(
    tmp_path: Path, answer: tuple[Any, ...], reason: str
) -> None:
    with ledger(tmp_path) as book:
        jobs = book.jobs()
        book.take([Answer(jobs[0], *answer), *map(said, jobs[1:])])
        book.finish()
        assert book.rejected == 1
    (row,) = rejects(tmp_path)
    assert (row["ticket_key"], row["image"], row["where"]) == ("g0::pass", "0.jpg", "0/0.jpg")
    assert reason in row["reason"]
    assert [record.group_id for record in read_stage_a(tmp_path)] == ["g1", "g2"]


def test_too_many_rejects_stop_the_run(tmp_path: Path) -> None:
    with ledger(tmp_path, share=0.33) as book:
        job = book.jobs()[2]
        with pytest.raises(DataError, match=r"1 of 3 tickets .* 33.0%.*g1::fail: gone") as caught:
            book.take([*map(said, book.jobs()[:2]), Answer(job, None, "gone")])
    assert caught.value.where == "1/0.jpg"
    assert len(rejects(tmp_path)) == 1


def test_a_problem_known_before_is_rejected_without_asking(tmp_path: Path) -> None:
    groups = [Group("g", "pass", GROUPS[0].photos, "twice"), *GROUPS]
    groups.append(Group("h", "pass", (Photo("1.jpg", "a"), Photo("1.jpg", "b"))))
    with ledger(tmp_path, groups) as book:
        assert {job.group for job in book.jobs()} == {1, 2, 3, 4}
        book.take([said(job) for job in book.jobs()])
        book.finish()
    assert [row["reason"] for row in rejects(tmp_path)] == ["twice", "an image is named twice"]


@pytest.mark.parametrize("cut", [0, 1, 25, 200, 420, 600, 99_999])
def test_another_attempt_goes_on_and_ends_with_the_same_bytes(tmp_path: Path, cut: int) -> None:
    groups = [*GROUPS[:2], Group("g0", "pass", GROUPS[0].photos[:1], "twice"), GROUPS[2]]

    def answers(book: Ledger) -> list[Answer]:
        return [Answer(j, None, "gone") if j.group == 1 else said(j) for j in book.jobs()]

    with ledger(tmp_path / "whole", groups) as book:
        book.take(answers(book))
    with ledger(tmp_path / "again", groups) as book:
        book.take(answers(book)[:5])
    for name in FILES:
        path = tmp_path / "again" / name
        path.write_bytes(path.read_bytes()[:cut])
    with ledger(tmp_path / "again", groups, resume=True) as book:
        asked = book.jobs()
        book.take(answers(book))
        book.finish()
    assert written(tmp_path / "again") == written(tmp_path / "whole")
    assert len(asked) < 6 or cut < 420


def test_a_run_that_does_not_go_on_begins_anew(tmp_path: Path) -> None:
    for _ in range(2):
        with ledger(tmp_path) as book:
            assert len(book.jobs()) == 6
            book.take([said(job) for job in book.jobs()])
    assert len(list(read_stage_a(tmp_path))) == 3
