"""Whatever is killed: every run ends right, and nothing that was taken in is lost or doubled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import stack_configs as configs
from tests.support.kills import Campaign, check_run
from tests.support.stack import Stack, running

SEED = 20261121
KILLS = 10


@pytest.fixture(scope="module")
def disturbed() -> Iterator[tuple[Stack, Campaign]]:
    """A stack of its own after ten random kills, once its runs have settled."""
    with running() as stack:
        client = stack.client()
        synth = client.launch(configs.synth(8, 2))
        client.succeeded(synth)
        campaign = Campaign(stack, client, SEED, f"run:{synth}/dataset")
        campaign.disturb(KILLS)
        campaign.settle()
        yield stack, campaign


def test_every_run_succeeds_after_ten_random_kills(disturbed: tuple[Stack, Campaign]) -> None:
    _stack, campaign = disturbed
    assert len(campaign.kills) == KILLS
    assert {campaign.client.run(uid)["state"] for uid in campaign.uids} == {"succeeded"}


def test_nothing_taken_in_is_lost_or_doubled(disturbed: tuple[Stack, Campaign]) -> None:
    stack, campaign = disturbed
    for uid in campaign.uids:
        check_run(stack, campaign.client, uid)
