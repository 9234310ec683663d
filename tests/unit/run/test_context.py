from __future__ import annotations

from pathlib import Path

import pytest

from mlcore.errors import CancelledError, ConfigError
from mlcore.run.context import ROOTS_VARIABLE, RunContext
from mlcore.run.events import EventWriter
from mlcore.run.folder import RunFolder
from mlcore.run.signals import StopSignal


@pytest.fixture
def ctx(tmp_path: Path) -> RunContext:
    folder = RunFolder(tmp_path / "run")
    return RunContext(
        folder,
        EventWriter(folder.events(1)),
        StopSignal(),
        config_dir=tmp_path,
        bindings={"dataset:a@1": tmp_path / "bound"},
    )


def test_a_bound_reference_is_its_folder(ctx: RunContext, tmp_path: Path) -> None:
    assert ctx.resolve("dataset:a@1") == tmp_path / "bound"


def test_an_unbound_reference_says_what_to_do(ctx: RunContext) -> None:
    with pytest.raises(ConfigError) as caught:
        ctx.resolve("dataset:b@1")
    assert "--bind" in caught.value.hint


def test_a_path_is_relative_to_the_config(ctx: RunContext, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert ctx.resolve("data") == tmp_path / "data"
    with pytest.raises(ConfigError, match="does not exist"):
        ctx.resolve("nothing")


@pytest.mark.parametrize("ref", ["../outside", "/etc/passwd", "link"])
def test_a_path_outside_the_allowed_roots_is_refused(
    ctx: RunContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ref: str
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside").mkdir()
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "inside").mkdir()
    ctx.config_dir = root
    monkeypatch.setenv(ROOTS_VARIABLE, str(root))
    assert ctx.resolve("inside") == root / "inside"
    with pytest.raises(ConfigError, match="outside the folders"):
        ctx.resolve(ref)


def test_a_stop_request_ends_the_job_at_its_next_check(ctx: RunContext) -> None:
    ctx.check_stop()
    ctx.stop.request()
    with pytest.raises(CancelledError):
        ctx.check_stop()
