"""The plan of an epoch: who gives how many samples, and that nothing else decides it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.errors import DataError
from mlcore.fusion.config import FusionConfig
from mlcore.fusion.plan import EpochPlan, epoch_plan, quotas


def mixture(targets: list[dict[str, Any]], sources: list[dict[str, Any]] = []) -> FusionConfig:  # noqa: B006
    """A mixture whose datasets are called after their names."""
    return FusionConfig.model_validate(
        {
            "type": "fusion",
            "targets": [{"dataset": f"dataset:{m['name']}@1", **m} for m in targets],
            "sources": [{"dataset": f"dataset:{m['name']}@1", **m} for m in sources],
        }
    )


TWO = mixture([{"name": "a"}], [{"name": "b", "ratio": 0.5}])
SIZES = {"a": 20, "b": 7}


def records_of(plan: EpochPlan, member: int) -> list[int]:
    return plan.record[plan.member == member].tolist()


@pytest.mark.parametrize(
    ("records", "ratio", "expected"),
    [(10, 1.0, 10), (5, 0.5, 2), (7, 0.5, 4), (10, 0.04, 0), (10, 2.35, 24), (3, 0.1, 0)],
)
def test_a_target_s_quota_is_its_size_times_its_ratio_a_half_going_to_the_even_number(
    records: int, ratio: float, expected: int
) -> None:
    config = mixture([{"name": "a", "ratio": ratio}, {"name": "b", "quota": 1}])
    assert quotas(config, {"a": records, "b": 1})["a"] == expected


def test_a_source_s_quota_is_a_share_of_all_targets_together() -> None:
    config = mixture(
        [{"name": "a"}, {"name": "b", "ratio": 0.5}],
        [{"name": "c", "ratio": 0.1}, {"name": "d", "quota": 3}],
    )
    asked = quotas(config, {"a": 100, "b": 50, "c": 1000, "d": 1000})
    assert asked == {"a": 100, "b": 25, "c": 12, "d": 3}


def test_a_target_that_never_repeats_counts_with_what_it_can_give() -> None:
    config = mixture(
        [{"name": "a", "quota": 50, "sampling": "once"}], [{"name": "b", "ratio": 0.5}]
    )
    assert quotas(config, {"a": 10, "b": 9})["b"] == 5


def test_a_source_without_records_is_an_error_only_when_it_should_give_some() -> None:
    with pytest.raises(DataError, match="source b has no record"):
        epoch_plan(TWO, {"a": 20, "b": 0}, 0, 1)
    nothing = mixture([{"name": "a"}], [{"name": "b", "ratio": 0.0}])
    plan = epoch_plan(nothing, {"a": 20, "b": 0}, 0, 1)
    assert [row.quota for row in plan.rows] == [20, 0]


def test_a_target_without_records_is_an_error() -> None:
    with pytest.raises(DataError, match="target a has no record in its split 'train'"):
        epoch_plan(mixture([{"name": "a"}, {"name": "b"}]), {"a": 0, "b": 3}, 0, 1)


def test_targets_that_give_nothing_at_all_are_an_error() -> None:
    with pytest.raises(DataError, match="no sample"):
        epoch_plan(mixture([{"name": "a", "ratio": 0.0}]), {"a": 3}, 0, 1)


@given(
    size=st.integers(1, 60),
    other=st.integers(1, 60),
    epoch=st.integers(0, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_ratio_one_covers_every_record_of_a_target_once(
    size: int, other: int, epoch: int, seed: int
) -> None:
    plan = epoch_plan(TWO, {"a": size, "b": other}, epoch, seed)
    assert sorted(records_of(plan, 0)) == list(range(size))


@given(
    size=st.integers(1, 40), quota=st.integers(0, 130), seed=st.integers(0, 99),
    sampling=st.sampled_from(["cover", "once", "replace"]),
)
def test_quotas_are_kept_and_repeats_are_counted(
    size: int, quota: int, seed: int, sampling: str
) -> None:
    config = mixture(
        [{"name": "a", "quota": 1}], [{"name": "b", "quota": quota, "sampling": sampling}]
    )
    plan = epoch_plan(config, {"a": 1, "b": size}, 0, seed)
    row, drawn = plan.rows[1], Counter(records_of(plan, 1))
    assert row.quota == drawn.total() == (min(quota, size) if sampling == "once" else quota)
    assert row.unique == len(drawn)
    assert row.unique + row.repeats == row.quota
    if sampling == "cover" and drawn:
        assert max(drawn.values()) - (min(drawn.values()) if len(drawn) == size else 0) <= 1
    seen: Counter[int] = Counter()
    of_b = plan.member == 1
    pairs = set(zip(plan.record[of_b].tolist(), plan.repeat[of_b].tolist(), strict=True))
    for record in drawn.elements():
        assert (record, seen[record]) in pairs
        seen[record] += 1


def test_more_than_there_are_is_said_in_the_plan() -> None:
    twice = mixture([{"name": "a", "ratio": 1.5}])
    once = mixture([{"name": "a", "ratio": 1.5, "sampling": "once"}])
    assert epoch_plan(twice, {"a": 10}, 0, 1).rows[0].note == (
        "15 asked, 10 records there: some come again"
    )
    assert epoch_plan(once, {"a": 10}, 0, 1).rows[0].note == (
        "15 asked, 10 records there: taken once each"
    )
    assert epoch_plan(TWO, SIZES, 0, 1).rows[0].note == ""


def test_another_epoch_seed_or_dataset_seed_is_another_order() -> None:
    def order(epoch: int, seed: int, own: int = 0) -> list[int]:
        return records_of(epoch_plan(mixture([{"name": "a", "seed": own}]), SIZES, epoch, seed), 0)

    orders = [order(0, 1), order(1, 1), order(0, 2), order(0, 1, own=5)]
    assert len({tuple(one) for one in orders}) == 4
    assert order(0, 1) == order(0, 1)


def test_a_dataset_gives_the_same_records_whatever_stands_beside_it() -> None:
    alone = mixture([{"name": "a", "ratio": 0.5}])
    beside = mixture([{"name": "z"}, {"name": "a", "ratio": 0.5}], [{"name": "b", "ratio": 0.2}])
    sizes = {"a": 40, "b": 9, "z": 3}
    first = epoch_plan(alone, sizes, 2, 7)
    second = epoch_plan(beside, sizes, 2, 7)
    assert sorted(records_of(first, 0)) == sorted(records_of(second, 1))


def test_datasets_are_mixed_over_the_whole_epoch() -> None:
    config = mixture([{"name": "a"}], [{"name": "b", "ratio": 1.0}])
    plan = epoch_plan(config, {"a": 20, "b": 20}, 0, 3)
    halves = plan.member[:20], plan.member[20:]
    assert all(0 < int(half.sum()) < 20 for half in halves)


@given(share=st.floats(0, 1), size=st.integers(1, 80), epoch=st.integers(0, 3))
def test_the_share_of_summaries_is_exact_and_moves_with_the_epoch(
    share: float, size: int, epoch: int
) -> None:
    config = mixture([{"name": "a", "summary_share": share}])
    plan = epoch_plan(config, {"a": size}, epoch, 5)
    assert int(plan.summary.sum()) == plan.rows[0].summaries == round(size * share)


def test_which_records_are_summaries_changes_between_epochs() -> None:
    config = mixture([{"name": "a", "summary_share": 0.5}])
    chosen = []
    for epoch in (0, 1):
        plan = epoch_plan(config, SIZES, epoch, 5)
        chosen.append(set(plan.record[plan.summary].tolist()))
    assert chosen[0] != chosen[1]


def test_a_record_limit_takes_the_same_records_in_every_epoch() -> None:
    config = mixture([{"name": "a", "max_records": 6}])
    plans = [epoch_plan(config, {"a": 30}, epoch, 5) for epoch in range(3)]
    assert len({frozenset(records_of(plan, 0)) for plan in plans}) == 1
    assert plans[0].rows[0].pool == plans[0].rows[0].quota == 6


def test_a_plan_is_the_same_in_another_process_with_another_hash_seed() -> None:
    code = (
        "import json\n"
        "from mlcore.fusion.config import FusionConfig\n"
        "from mlcore.fusion.plan import epoch_plan\n"
        f"config = FusionConfig.model_validate(json.loads({TWO.model_dump_json()!r}))\n"
        f"print(epoch_plan(config, {SIZES!r}, 3, 11).digest)\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True, text=True, check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert said == {epoch_plan(TWO, SIZES, 3, 11).digest}


def test_a_plan_is_pinned_for_good() -> None:
    """A change of these draws would change every run that is resumed after an update."""
    plan = epoch_plan(TWO, SIZES, 0, 7)
    assert plan.record[:10].tolist() == PINNED
    assert len(plan) == 30


PINNED = [12, 2, 15, 0, 14, 5, 6, 7, 0, 1]


def test_a_plan_of_a_million_samples_needs_only_counts() -> None:
    plan = epoch_plan(TWO, {"a": 1_000_000, "b": 10}, 0, 1)
    assert len(plan) == 1_500_000
    assert np.bincount(plan.record[plan.member == 0]).max() == 1


def test_a_plan_is_json_with_the_sums_of_its_datasets() -> None:
    said = json.loads(json.dumps(epoch_plan(TWO, SIZES, 0, 7).to_json()))
    assert (said["samples"], said["targets"], said["sources"]) == (30, 20, 10)
    assert [row["augmentation"] for row in said["datasets"]] == ["off", "off"]
    assert [row["repeats"] for row in said["datasets"]] == [0, 3]


@pytest.mark.parametrize(
    ("phases", "said"),
    [(None, "on"), ({"phases": [{"until_percent": 50, "bypass_prob": 0.5}]}, "with curriculum")],
)
def test_a_plan_says_which_datasets_are_augmented(phases: Any, said: str) -> None:
    augmentation = {"ops": [{"type": "hflip"}], "curriculum": phases}
    settings = {**TWO.model_dump(mode="json"), "augmentation": augmentation}
    config = FusionConfig.model_validate_json(json.dumps(settings))
    plan = epoch_plan(config, SIZES, 0, 7)
    assert [row.augmentation for row in plan.rows] == [said, "off"]
    assert plan.digest == epoch_plan(TWO, SIZES, 0, 7).digest
