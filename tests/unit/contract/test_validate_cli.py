"""The options of `data validate`, and a dataset folder's own account of itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlcore.contract.cli import main
from mlcore.run.exits import ExitCode
from tests.support.datasets import encoded, picture, write_dataset

Shown = pytest.CaptureFixture[str]


def checked(capsys: Shown, *arguments: object) -> tuple[int, dict[str, Any]]:
    code = main(["validate", *map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_headers_alone_do_not_see_damage_and_say_what_the_fingerprint_covers(
    tmp_path: Path, capsys: Shown
) -> None:
    write_dataset(tmp_path)
    file = tmp_path / "train.jsonl"
    (tmp_path / "images" / "r0.jpg").write_bytes(encoded(picture())[:-40])
    code, shown = checked(capsys, file, "--images", "headers")
    assert (code, shown["images"], shown["fingerprint_covers"]) == (0, "headers", ["records"])
    assert shown["fingerprint"] == shown["records_fingerprint"]
    code, shown = checked(capsys, file, "--images", "full")
    assert (code, shown["by_rule"]) == (ExitCode.DATA, {"image.truncated": 1})
    assert shown["fingerprint_covers"] == ["records", "images"]


def test_the_number_of_workers_changes_nothing(tmp_path: Path, capsys: Shown) -> None:
    write_dataset(tmp_path)
    (tmp_path / "images" / "r1.jpg").unlink()
    alone = checked(capsys, tmp_path / "train.jsonl", "--workers", 1)
    assert alone[0] == ExitCode.DATA
    assert checked(capsys, tmp_path / "train.jsonl", "--workers", 2) == alone


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--workers", "0"), ("--workers", "65"), ("--workers", "two"), ("--max-pixels", "0"),
        ("--max-reject-share", "1.5"), ("--max-reject-share", "nan"), ("--images", "none"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_the_options_name(
    tmp_path: Path, capsys: Shown, option: str, value: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["validate", str(tmp_path), option, value])
    assert caught.value.code == ExitCode.CONFIG
    assert option in capsys.readouterr().err


def test_images_are_below_the_root_that_is_given(tmp_path: Path, capsys: Shown) -> None:
    dataset = write_dataset(tmp_path / "data")
    (tmp_path / "lists").mkdir()
    file = tmp_path / "lists" / "train.jsonl"
    dataset.split_file("train").rename(file)
    assert checked(capsys, file)[0] == ExitCode.DATA
    code, shown = checked(capsys, file, "--image-root", tmp_path / "data")
    assert (code, shown["valid"]) == (0, 4)


def test_a_dataset_folder_has_no_other_image_root(tmp_path: Path, capsys: Shown) -> None:
    write_dataset(tmp_path)
    code = main(["validate", str(tmp_path), "--image-root", str(tmp_path)])
    assert code == ExitCode.CONFIG
    assert "holds its own images" in capsys.readouterr().err


def test_missing_images_that_lie_near_are_pointed_to_and_not_read(
    tmp_path: Path, capsys: Shown
) -> None:
    dataset = write_dataset(tmp_path)
    (tmp_path / "lists").mkdir()
    file = tmp_path / "lists" / "train.jsonl"
    dataset.split_file("train").rename(file)
    assert main(["validate", str(file)]) == ExitCode.DATA
    shown = capsys.readouterr()
    assert "4 rejected" in shown.out
    assert f"hint: images/r0.jpg is below {tmp_path}; give --image-root {tmp_path}" in shown.err


def test_there_is_no_hint_where_images_lie_nowhere(tmp_path: Path, capsys: Shown) -> None:
    write_dataset(tmp_path)
    (tmp_path / "images" / "r0.jpg").unlink()
    main(["validate", str(tmp_path / "train.jsonl")])
    assert "hint" not in capsys.readouterr().err


def test_a_cap_on_pixels_names_both_numbers(tmp_path: Path, capsys: Shown) -> None:
    write_dataset(tmp_path)
    code, shown = checked(capsys, tmp_path / "train.jsonl", "--max-pixels", 1000)
    assert (code, shown["by_rule"]["record.pixels"]) == (ExitCode.DATA, 4)
    assert "1,000" in shown["problems"][0]["message"]
    assert checked(capsys, tmp_path / "train.jsonl", "--max-pixels", 64 * 48)[0] == 0


def test_the_rejects_file_holds_each_line_that_was_refused(tmp_path: Path, capsys: Shown) -> None:
    write_dataset(tmp_path)
    (tmp_path / "images" / "r2.jpg").unlink()
    rejects = tmp_path / "r.jsonl"
    checked(capsys, tmp_path / "train.jsonl", "--rejects", rejects)
    (row,) = map(json.loads, rejects.read_text(encoding="utf-8").splitlines())
    assert (row["file"], row["line"], row["rule"]) == ("train.jsonl", 3, "image.missing")
    assert json.loads(row["record"])["id"] == "r2"


def test_a_rejects_file_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, capsys: Shown
) -> None:
    write_dataset(tmp_path)
    arguments = ["validate", str(tmp_path), "--rejects", str(tmp_path / "no" / "r.jsonl")]
    assert main(arguments) == ExitCode.INFRA
    assert "cannot write" in capsys.readouterr().err


def _manifest(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / "dataset.json"
        data = json.loads(path.read_text(encoding="utf-8"))
        change(data)
        path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")

    return apply


def _grow(folder: Path) -> None:
    (folder / "images" / "more.jpg").write_bytes(encoded(picture(9)))


DIFFERENCES: list[tuple[Callable[[Path], None], str, str]] = [
    (_manifest(lambda m: m["splits"]["val"].update(records=7)), "dataset.records", "not 7"),
    (_manifest(lambda m: m["splits"]["val"].update(sha256="0" * 64)), "dataset.split", "0000…"),
    (_manifest(lambda m: m["classes"][0].update(objects=99)), "dataset.classes", "99"),
    (_manifest(lambda m: m.update(coord_space="norm1000")), "dataset.space", "norm1000"),
    (_manifest(lambda m: m.update(fingerprint="1" * 64)), "dataset.fingerprint", "1111…"),
    (_manifest(lambda m: m["images"].update(count=1)), "dataset.images", "is 6, not 1"),
    (_grow, "dataset.images", "more.jpg is there and not listed"),
    (lambda folder: (folder / "images.jsonl").unlink(), "dataset.images", "no images.jsonl"),
]


@pytest.mark.parametrize(("change", "rule", "words"), DIFFERENCES)
def test_a_folder_that_is_not_what_its_manifest_says_exits_three_whatever_the_share(
    tmp_path: Path, capsys: Shown, change: Callable[[Path], None], rule: str, words: str
) -> None:
    write_dataset(tmp_path)
    change(tmp_path)
    code, shown = checked(capsys, tmp_path, "--max-reject-share", 1)
    assert code == ExitCode.DATA
    rows = [row for row in shown["problems"] if row["rule"] == rule]
    assert any(words in row["message"] for row in rows), shown["problems"]
    assert shown["differences"] >= 1
    assert main(["validate", str(tmp_path)]) == ExitCode.DATA
    assert "from dataset.json and images.jsonl" in capsys.readouterr().out


def test_a_folder_that_is_what_it_says_has_no_difference(tmp_path: Path, capsys: Shown) -> None:
    write_dataset(tmp_path)
    code, shown = checked(capsys, tmp_path)
    assert (code, shown["differences"], shown["problems"]) == (0, 0, [])
