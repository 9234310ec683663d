"""Whatever is killed: every run ends right, and nothing that was taken in is lost or doubled."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psutil
import pytest

from console.embedded.state import open_state
from tests.support import stack_configs as configs
from tests.support.kills import Campaign, check_run
from tests.support.stack import Stack, running, wait_for

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


def test_a_run_goes_on_after_everything_was_killed_and_started_again(
    disturbed: tuple[Stack, Campaign],
) -> None:
    stack, campaign = disturbed
    uid = campaign.launch()
    wait_for(lambda: campaign.told(uid, 1) >= 7, "a step past the first checkpoint")
    stack.kill()
    stack.up()
    campaign.client = stack.client()
    campaign.settle()
    run = campaign.client.run(uid)
    assert len(run["attempts"]) == 2
    check_run(stack, campaign.client, uid)


@pytest.fixture
def small_disk() -> Iterator[tuple[Stack, Callable[[int], None]]]:
    """A stack and a function after which its runs can write only so many bytes more (in all where
    a file system can be mounted, per file elsewhere)."""
    with tempfile.TemporaryDirectory(prefix="gh-stack-") as folder, ExitStack() as after:
        runs = open_state({"GATEHOUSE_STATE": folder}).host / "runs"
        runs.mkdir()
        mounted = mount(runs, 16 << 20)
        if mounted:
            after.callback(subprocess.run, ["umount", "--lazy", str(runs)], check=True)
        with running(Path(folder)) as stack:
            yield stack, partial(fill if mounted else limit_files, stack)


def mount(folder: Path, size: int) -> bool:
    """Put a small file system on a folder; False where this process may not."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def fill(stack: Stack, left: int) -> None:
    """Use the file system of the runs up until `left` bytes."""
    runs = stack.state.host / "runs"
    filler = runs / ".filler"
    filler.unlink(missing_ok=True)
    free = shutil.disk_usage(runs).free
    filler.write_bytes(bytes(free - left))


def limit_files(stack: Stack, left: int) -> None:
    """Let no process of the worker write a file of more than `left` bytes."""
    psutil.Process(stack.services()["worker"]).rlimit(psutil.RLIMIT_FSIZE, (left, left))


@pytest.mark.slow
def test_a_full_disk_is_the_host_s_fault_wherever_it_strikes(
    small_disk: tuple[Stack, Callable[[int], None]],
) -> None:
    stack, leave = small_disk
    client = stack.client()
    synth = client.launch(configs.synth(8, 2))
    client.succeeded(synth)
    for left, config in (
        (1 << 20, configs.sft(f"run:{synth}/dataset")),  # the first checkpoint does not fit
        (48 << 10, configs.synth(8, 2)),  # the images do not fit
        (0, configs.synth(8, 2)),  # not even an event fits
    ):
        leave(left)
        run = client.finished(client.launch(config))
        assert (run["state"], run["reason"]) == ("failed", "infra"), (left, run["error"])
        assert [attempt["exit_code"] for attempt in run["attempts"]] == [72, 72, 72], left
