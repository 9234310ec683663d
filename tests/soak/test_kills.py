"""A hundred random kills: `make soak`. A dated line in results.txt says what was done."""

from __future__ import annotations

import os
from pathlib import Path

from console.embedded.stack import usable_cores
from tests.support import stack_configs as configs
from tests.support.kills import Campaign, check_run, result_line, summary
from tests.support.stack import running

RESULTS = Path(__file__).resolve().parent / "results.txt"
KILLS = int(os.environ.get("GATEHOUSE_SOAK_KILLS", "100"))
ROUND = 10
"""kills between two looks at whether everything settles"""


def test_a_hundred_random_kills_lose_and_double_nothing() -> None:
    with running() as stack:
        client = stack.client()
        synth = client.launch(configs.synth(8, 2))
        client.succeeded(synth)
        campaign = Campaign(stack, client, 1, f"run:{synth}/dataset")
        for number in range(KILLS // ROUND):
            campaign.seed = number
            campaign.disturb(ROUND)
            campaign.settle()
        for uid in campaign.uids:
            check_run(stack, client, uid)
        line = result_line({**summary(campaign), "cores": usable_cores()})
        print(f"\n{line}")
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
