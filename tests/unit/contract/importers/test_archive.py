"""A zip as a source: unpacked where the import runs, and refused where it could do harm."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mlcore.contract.cli import main
from mlcore.contract.import_config import ImportConfig
from mlcore.contract.import_job import run
from mlcore.contract.importers import archive
from mlcore.contract.importers.archive import opened_source, unpack
from mlcore.errors import CancelledError, DataError, InfrastructureError
from mlcore.run.events import read_events
from mlcore.run.exits import ExitCode
from tests.support.datasets import add_voc, encoded, picture, run_context, voc_object, voc_xml

LINK = (stat.S_IFLNK | 0o777) << 16


def made(path: Path, files: dict[str, bytes], **changes: Any) -> Path:
    """A zip; `changes` are attributes of every entry."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            for key, value in changes.items():
                setattr(info, key, value)
            file.writestr(info, data)
    return path


def voc_zip(folder: Path, top: str = "bccd/") -> Path:
    root = folder / "voc"
    for number in range(3):
        add_voc(
            root, f"p{number}", voc_xml(voc_object("RBC", 1, 1, 9, 9)), encoded(picture(number))
        )
    files = {f"{top}{p.relative_to(root).as_posix()}": p for p in root.rglob("*") if p.is_file()}
    rows = {name: path.read_bytes() for name, path in files.items()}
    return made(folder / "bccd.zip", {**rows, "__MACOSX/bccd/Annotations/._p0.xml": b"litter"})


def job(source: Path, **changes: Any) -> ImportConfig:
    values = {"kind": "import", "format": {"type": "voc"}, "source": str(source), **changes}
    return ImportConfig.model_validate(values)


def taken(source: Path, folder: Path) -> dict[str, bytes]:
    unpack(source, folder / "out")
    return {
        path.relative_to(folder / "out").as_posix(): path.read_bytes()
        for path in (folder / "out").rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("top", ["", "bccd/", "a/b/"])
def test_a_zip_is_imported_as_its_folder_would_be(tmp_path: Path, top: str) -> None:
    source = voc_zip(tmp_path, top)
    context = run_context(tmp_path / "run")
    from_zip = run(job(source), context)
    from_folder = run(job(tmp_path / "voc"), run_context(tmp_path / "other"))
    assert from_zip["fingerprint"] == from_folder["fingerprint"]
    assert not (context.folder.root / "unpacked").exists()
    rows = [e for e in read_events(context.events.path) if e["type"] == "progress"]
    assert [(row["done"], row["unit"]) for row in rows] == [(6, "files"), (3, "images")]


def test_a_folder_with_nothing_but_a_zip_is_that_zip(tmp_path: Path) -> None:
    source = voc_zip(tmp_path)
    (tmp_path / "bound").mkdir()
    source.rename(tmp_path / "bound" / source.name)
    report = run(job(tmp_path / "bound"), run_context(tmp_path / "run"))
    assert report["import"]["images"]["kept"] == 3


def test_the_command_line_takes_a_zip_too(tmp_path: Path) -> None:
    out = tmp_path / "dataset"
    assert main(["import", "voc", str(voc_zip(tmp_path)), str(out)]) == ExitCode.OK
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bccd.zip", "dataset", "voc"]


def test_the_folder_stays_where_its_name_is_the_ticket(tmp_path: Path) -> None:
    source = made(tmp_path / "a.zip", {"T1/a.json": b"{}"})
    with opened_source(source, tmp_path / "into", "platform") as folder:
        assert (folder / "T1" / "a.json").is_file()


def test_names_of_every_origin_are_read(tmp_path: Path) -> None:
    plain = made(tmp_path / "a.zip", {"x/图.jpg": b"1", "./y.txt": b"2", "z\\w.txt": b"3"})
    assert taken(plain, tmp_path) == {"x/图.jpg": b"1", "y.txt": b"2", "z/w.txt": b"3"}
    data = plain.read_bytes()
    assert b"\x00\x08" in data, "the flag that says UTF-8"
    unsaid = tmp_path / "b.zip"
    unsaid.write_bytes(data.replace(b"\x14\x00\x00\x08", b"\x14\x00\x00\x00"))
    with zipfile.ZipFile(unsaid) as file:
        assert all(info.flag_bits & 0x800 == 0 for info in file.infolist())
    (tmp_path / "second").mkdir()
    assert "x/图.jpg" in taken(unsaid, tmp_path / "second")


@pytest.mark.parametrize(
    ("files", "changes", "said"),
    [
        ({"../evil": b""}, {}, "leads outside"),
        ({"a/../../evil": b""}, {}, "leads outside"),
        ({"/etc/evil": b""}, {}, "leads outside"),
        ({"..\\evil": b""}, {}, "leads outside"),
        ({"C:\\evil": b""}, {}, "leads outside"),
        ({"a": b"/etc/passwd"}, {"external_attr": LINK}, "a link"),
        ({"a": b""}, {"external_attr": (stat.S_IFIFO | 0o600) << 16}, "no plain file"),
        ({"a": b"1", "./a": b"2"}, {}, "twice"),
        ({"a": b"1", "a/b": b"2"}, {}, "a file and as a folder"),
        ({"a/b": b"1", "a": b"2"}, {}, "twice"),
        ({"x" * 300: b""}, {}, "too long"),
        ({".DS_Store": b"x"}, {}, "no file"),
        ({"a": bytes(2 << 20)}, {}, "times its size"),
    ],
)
def test_what_could_do_harm_is_refused_before_anything_is_written(
    tmp_path: Path,
    files: dict[str, bytes],
    changes: dict[str, Any],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archive, "FREE_OF_RATIO", 1 << 20)
    source = made(tmp_path / "a.zip", files, **changes)
    with pytest.raises(DataError, match=said) as caught:
        unpack(source, tmp_path / "out")
    assert "Make the zip anew" in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize(("name", "limit"), [("MAX_ENTRIES", 2), ("MAX_TOTAL", 5)])
def test_there_is_a_limit_to_what_is_unpacked(
    tmp_path: Path, name: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, name, limit)
    source = made(tmp_path / "a.zip", {"a": b"123", "b": b"456", "c": b""})
    with pytest.raises(DataError, match="at most"):
        unpack(source, tmp_path / "out")


def test_files_that_share_their_bytes_are_counted_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory may point many names at one packed file."""
    monkeypatch.setattr(archive, "FREE_OF_RATIO", 1 << 20)
    one = made(tmp_path / "one.zip", {"a": bytes(900_000)}).read_bytes()
    start = one.index(b"PK\x01\x02")
    end = one.index(b"PK\x05\x06")
    entry = one[start:end]
    rows = b"".join(entry[:-1] + bytes([97 + n]) for n in range(20))
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 20, 20, len(rows), start, 0)
    source = tmp_path / "many.zip"
    source.write_bytes(one[:start] + rows + tail)
    with pytest.raises(DataError, match="times its size"):
        unpack(source, tmp_path / "out")


def test_a_huge_directory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    data = bytearray(made(tmp_path / "a.zip", {"a": b"1"}).read_bytes())
    struct.pack_into("<L", data, len(data) - 10, archive.MAX_DIRECTORY + 1)
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(DataError, match="a directory of"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_damage_is_named(tmp_path: Path) -> None:
    data = made(tmp_path / "a.zip", {"a.txt": bytes(range(256)) * 40}).read_bytes()
    at = data.index(b"a.txt") + 20
    broken = data[:at] + bytes(8) + data[at + 8 :]
    for name, text, said in (
        ("cut.zip", data[:-30], "cut off"),
        ("flip.zip", broken, "a.txt: "),
        ("none.zip", b"not a zip", "end is missing"),
    ):
        (tmp_path / name).write_bytes(text)
        with pytest.raises(DataError, match=said):
            unpack(tmp_path / name, tmp_path / f"out-{name}")


def test_an_encrypted_zip_is_refused_with_what_to_do(tmp_path: Path) -> None:
    data = made(tmp_path / "a.zip", {"a": b"1"}).read_bytes()
    at = data.index(b"PK\x01\x02") + 8
    (tmp_path / "a.zip").write_bytes(data[:at] + b"\x01" + data[at + 1 :])
    with pytest.raises(DataError, match="without a password"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_disk_without_room_is_told_before_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "RESERVE", 1 << 62)
    source = made(tmp_path / "a.zip", {"a": b"1"})
    with pytest.raises(InfrastructureError, match="no room") as caught:
        unpack(source, tmp_path / "out")
    assert "retry" in caught.value.hint


def test_a_stop_while_unpacking_leaves_nothing(tmp_path: Path) -> None:
    context = run_context(tmp_path / "run")
    context.stop.request()
    with pytest.raises(CancelledError):
        run(job(voc_zip(tmp_path)), context)
    assert not (context.folder.root / "unpacked").exists()


def test_a_lone_annotation_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"{}")
    with pytest.raises(DataError, match="neither a folder nor a zip") as caught:
        run(job(tmp_path / "a.json"), run_context(tmp_path / "run"))
    assert "pictures beside them" in caught.value.hint
