"""`python -m mlcore fusion plan`, and the page that shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlcore.cli import main
from mlcore.contract.writer import DatasetWriter
from mlcore.run.exits import ExitCode
from tests.support.datasets import box_record, encoded, picture

PAGE = Path(__file__).resolve().parents[3] / "docs" / "fusion.md"


def dataset(folder: Path, count: int) -> None:
    writer = DatasetWriter(folder, folder.name, ("train", "val"))
    for number in range(count + 1):
        record = box_record(number)
        writer.add_image(record.images[0], encoded(picture(number)))
        writer.add("train" if number < count else "val", record)
    writer.finish()


@pytest.fixture
def mixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The config that the page shows, beside its datasets."""
    dataset(tmp_path / "data" / "cabinets", 40)
    dataset(tmp_path / "data" / "general", 6)
    text = PAGE.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "mixture.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "mixture.yaml"


def test_the_page_shows_what_the_command_prints(
    mixture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = PAGE.read_text(encoding="utf-8").partition("    $ python -m mlcore ")[2]
    command, *lines = shown.partition("\n\n")[0].splitlines()
    assert main(command.split()) == ExitCode.OK
    assert capsys.readouterr().out.splitlines() == [line.removeprefix("    ") for line in lines]


def test_the_plan_as_json_names_its_epoch(
    mixture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digests = []
    for epoch in ("0", "1"):
        assert main(["fusion", "plan", str(mixture), "--json", "--epoch", epoch]) == ExitCode.OK
        said = json.loads(capsys.readouterr().out)
        assert (said["epoch"], said["samples"]) == (int(epoch), 58)
        digests.append(said["digest"])
    assert digests[0] != digests[1]


def test_a_config_without_a_mixture_is_refused_as_config(
    mixture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixture.write_text(
        "kind: sft\nmodel: {type: scratch}\ndata: {dataset: data/general}\n", encoding="utf-8"
    )
    assert main(["fusion", "plan", str(mixture)]) == ExitCode.CONFIG
    assert "has no mixture" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("targets:", "target:", ExitCode.CONFIG, "targets are a list"),
        ("ratio: 0.2, ", "", ExitCode.CONFIG, "a ratio or a quota"),
        ("name: words", "name: general", ExitCode.CONFIG, "given to 2 datasets"),
        ("quota: 10", "quota: 10, split: gone", ExitCode.DATA, "no split 'gone'"),
        ("data/cabinets", "data", ExitCode.DATA, "is not a dataset"),
        ("data/cabinets", "data/gone", ExitCode.CONFIG, "does not exist"),
        ("data/cabinets", '"dataset:gone@1"', ExitCode.CONFIG, "is not bound"),
        ("dataset: data/cabinets", "dataset: data/cabinets\n      ratio: 0.0", ExitCode.DATA,
         "no sample"),
    ],
)
def test_a_mixture_that_cannot_be_is_refused_with_the_reason(
    mixture: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, code: ExitCode, said: str
) -> None:
    mixture.write_text(mixture.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    assert main(["fusion", "plan", str(mixture)]) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--epoch", "-1"], ["--bind", "nothing"]])
def test_senseless_options_are_refused(mixture: Path, wrong: list[str]) -> None:
    assert main(["fusion", "plan", str(mixture), *wrong]) == ExitCode.CONFIG
