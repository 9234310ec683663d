"""Inputs become folders of the host, checked byte by byte."""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.client import HostClient
from jobs.errors import FetchError, InputError, StoppedError
from jobs.fetch import Fetcher, safe_relative
from jobs.messages import Binding
from jobs.settings import HostSettings
from mlcore.run.hashing import FileEntry, tree_digest
from tests.support.fake_console import FakeConsole

FILES = {"train.jsonl": b"{}\n", "images/a.png": b"png"}


def entries_of(files: dict[str, bytes]) -> tuple[FileEntry, ...]:
    return tuple(
        FileEntry(name, hashlib.sha256(data).hexdigest(), len(data))
        for name, data in sorted(files.items())
    )


def binding_of(files: dict[str, bytes], ref: str = "dataset:d@1") -> Binding:
    entries = entries_of(files)
    return Binding(ref, tree_digest(entries), entries)


def stock(console: FakeConsole, files: dict[str, bytes]) -> None:
    console.blobs.update({hashlib.sha256(data).hexdigest(): data for data in files.values()})


def content(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


@pytest.fixture
def fetcher(client: HostClient, settings: HostSettings) -> Fetcher:
    return Fetcher(client, settings, lambda: None)


def test_a_tree_comes_from_the_console_once(
    fetcher: Fetcher, console: FakeConsole, settings: HostSettings
) -> None:
    stock(console, FILES)
    folder = fetcher.fetch(binding_of(FILES))
    assert content(folder) == FILES
    assert folder.parent == settings.cache
    before = len(console.requests)
    assert fetcher.fetch(binding_of(FILES)) == folder
    assert len(console.requests) == before


def test_the_output_of_a_run_of_this_host_is_linked_not_copied(
    fetcher: Fetcher, console: FakeConsole, settings: HostSettings
) -> None:
    made = settings.runs / "abc" / "artifacts" / "dataset"
    (made / "images").mkdir(parents=True)
    for name, data in FILES.items():
        (made / name).write_bytes(data)
    folder = fetcher.fetch(binding_of(FILES, "run:abc/dataset"))
    assert (folder / "images/a.png").stat().st_ino == (made / "images/a.png").stat().st_ino
    assert console.requests == []


def test_a_changed_output_is_not_believed(
    fetcher: Fetcher, console: FakeConsole, settings: HostSettings
) -> None:
    stock(console, FILES)
    made = settings.runs / "abc" / "artifacts" / "dataset"
    (made / "images").mkdir(parents=True)
    (made / "images/a.png").write_bytes(b"PNG")
    folder = fetcher.fetch(binding_of(FILES, "run:abc/dataset"))
    assert content(folder) == FILES


def test_a_link_in_the_run_folder_is_not_followed(
    fetcher: Fetcher, console: FakeConsole, settings: HostSettings, tmp_path: Path
) -> None:
    stock(console, FILES)
    secret = tmp_path / "secret"
    secret.write_bytes(FILES["images/a.png"])
    made = settings.runs / "abc" / "artifacts" / "dataset" / "images"
    made.mkdir(parents=True)
    (made / "a.png").symlink_to(secret)
    folder = fetcher.fetch(binding_of(FILES, "run:abc/dataset"))
    assert (folder / "images/a.png").stat().st_ino != secret.stat().st_ino


def test_a_local_blob_store_saves_the_download(
    client: HostClient, console: FakeConsole, settings: HostSettings, tmp_path: Path
) -> None:
    blobs = tmp_path / "blobs"
    for data in FILES.values():
        name = hashlib.sha256(data).hexdigest()
        (blobs / name[:2]).mkdir(parents=True, exist_ok=True)
        (blobs / name[:2] / name).write_bytes(data)
    fetcher = Fetcher(client, replace(settings, blob_root=blobs), lambda: None)
    assert content(fetcher.fetch(binding_of(FILES))) == FILES
    assert console.requests == []


def test_a_damaged_download_leaves_nothing(
    fetcher: Fetcher, console: FakeConsole, settings: HostSettings
) -> None:
    console.blobs = {entry.sha256: b"other" for entry in entries_of(FILES)}
    with pytest.raises(FetchError):
        fetcher.fetch(binding_of(FILES))
    assert list(settings.cache.iterdir()) == []


def test_a_blob_that_the_console_lacks_is_an_error(fetcher: Fetcher) -> None:
    with pytest.raises(FetchError, match="does not have"):
        fetcher.fetch(binding_of(FILES))


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/../../b", "a//b", "./a", "a\\b", ""])
def test_a_path_that_leaves_its_folder_is_refused(fetcher: Fetcher, name: str) -> None:
    with pytest.raises(InputError, match="could leave"):
        fetcher.fetch(binding_of({name: b"x"}))


def test_a_digest_that_is_not_of_its_files_is_refused(fetcher: Fetcher) -> None:
    with pytest.raises(InputError, match="is not the digest"):
        fetcher.fetch(replace(binding_of(FILES), digest="../../etc"))


@given(st.text(alphabet="./a\\\0-", max_size=12))
def test_a_path_that_passes_stays_below_its_folder(text: str) -> None:
    try:
        relative = safe_relative(text)
    except InputError:
        return
    root = Path("/root/folder")
    assert Path(os.path.normpath(root / relative)).is_relative_to(root)
    assert Path(os.path.normpath(root / relative)) != root


def test_two_threads_that_want_the_same_tree_both_get_it(
    client: HostClient, console: FakeConsole, settings: HostSettings
) -> None:
    stock(console, FILES)
    barrier = threading.Barrier(2)
    met = threading.local()

    def meet_once() -> None:
        if not hasattr(met, "done"):
            met.done = True
            barrier.wait()

    found: list[Path] = []
    fetcher = Fetcher(client, settings, meet_once)
    threads = [
        threading.Thread(target=lambda: found.append(fetcher.fetch(binding_of(FILES))))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert content(found[0]) == FILES


def test_a_stop_ends_a_fetch_between_files(
    client: HostClient, console: FakeConsole, settings: HostSettings
) -> None:
    def stop() -> None:
        raise StoppedError("stop")

    with pytest.raises(StoppedError):
        Fetcher(client, settings, stop).fetch(binding_of(FILES))
    assert list(settings.cache.iterdir()) == []
