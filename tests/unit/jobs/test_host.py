"""What a host says about itself."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from jobs.client import HostClient
from jobs.errors import SettingsError
from jobs.host import Announcer, boot_id, find_gpus, parse_gpus
from jobs.settings import load_settings
from jobs.worker import choose_queues
from tests.support.fake_console import FakeConsole


def test_gpus_are_read_from_nvidia_smi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, NVIDIA H200, 143771'\necho 'Failed to initialise'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert find_gpus() == [{"index": 0, "name": "NVIDIA H200", "memory_mb": 143771}]
    program.write_text("#!/bin/sh\nexit 9\n")
    assert find_gpus() == []
    assert parse_gpus("") == []


def test_auto_takes_the_gpu_queue_only_where_there_is_a_gpu() -> None:
    assert choose_queues("auto", has_gpu=False) == ["cpu"]
    assert choose_queues("auto", has_gpu=True) == ["cpu", "gpu"]
    assert choose_queues("gpu, cpu,", has_gpu=False) == ["gpu", "cpu"]


def test_the_boot_id_stays_the_same() -> None:
    assert boot_id() == boot_id() != ""


def test_a_console_that_is_away_at_first_is_greeted_later(
    client: HostClient, console: FakeConsole
) -> None:
    console.down = True
    announcer = Announcer(client, queues=["cpu"], gpus=[], slots=1)
    announcer.start()
    assert announcer.hello(0.3) is None
    console.down = False
    hello = announcer.hello(20.0)
    announcer.stop()
    assert hello is not None
    assert hello.host_id == "h1"


def test_waiting_for_the_console_ends_when_the_worker_stops(client: HostClient) -> None:
    announcer = Announcer(client, queues=["cpu"], gpus=[], slots=1)
    threading.Timer(0.1, announcer.stop).start()
    assert announcer.hello(60.0) is None


def test_settings_name_what_is_missing_and_limit_paths_by_default(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="GATEHOUSE_HOST_TOKEN"):
        load_settings({"GATEHOUSE_URL": "http://x"})
    environment = {
        "GATEHOUSE_URL": "http://x", "GATEHOUSE_HOST_TOKEN": "t", "GATEHOUSE_STATE": str(tmp_path)
    }
    settings = load_settings(environment)
    assert settings.allowed_roots == f"{tmp_path}/host:{tmp_path}/data"
    assert load_settings({**environment, "GATEHOUSE_ALLOWED_ROOTS": "/d"}).allowed_roots == "/d"
