"""The doctor answers in sentences and knows what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.embedded import browser, doctor


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEHOUSE_STATE", str(tmp_path / "state"))


def test_every_finding_is_a_sentence() -> None:
    findings = list(doctor.examine())
    assert len(findings) >= 10
    assert all(f.sentence.endswith((".", "chromium")) for f in findings)


def test_a_machine_without_a_broker_cannot_run_the_console(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "find_server", lambda: None)
    assert doctor.print_report() == 1
    assert "CANNOT   there is no broker" in capsys.readouterr().out


def test_a_state_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GATEHOUSE_STATE", str(tmp_path / "file" / "below"))
    finding = doctor._state_disk()
    assert finding.level == "no"
    assert "cannot be written" in finding.sentence
    assert doctor.print_report() == 1


def test_without_nvidia_smi_the_gpu_is_absent_not_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor._gpu().level == "limited"


def test_a_person_who_is_not_root_is_told_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "find_chromium", lambda: None)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(Path, "exists", lambda path: True)
    assert "sudo apt-get install" in browser.ensure_chromium()
