"""The blob store: hashes are checked, names are hashes, links are not followed."""
from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.catalog import blobs
from console.catalog.blobs import BlobError
from console.catalog.models import Blob

pytestmark = pytest.mark.django_db
DATA = b"some bytes"
SHA = hashlib.sha256(DATA).hexdigest()


def test_what_was_put_can_be_read() -> None:
    blob = blobs.put(SHA, [DATA[:3], DATA[3:]])
    assert (blob.sha256, blob.size) == (SHA, len(DATA))
    with blobs.open_blob(SHA) as file:
        assert file.read() == DATA


def test_putting_it_twice_changes_nothing() -> None:
    blobs.put_bytes(DATA)
    blobs.put_bytes(DATA)
    assert Blob.objects.count() == 1


def test_bytes_of_another_hash_are_refused_and_leave_nothing(state_dir: Path) -> None:
    with pytest.raises(BlobError) as caught:
        blobs.put(SHA, [b"other"])
    assert caught.value.code == "blob_mismatch"
    assert Blob.objects.count() == 0
    assert [p for p in state_dir.rglob("*") if p.is_file()] == []


def test_a_blob_over_the_limit_is_refused_while_it_arrives(settings: Any) -> None:
    settings.MAX_BLOB_BYTES = 4
    with pytest.raises(BlobError) as caught:
        blobs.put(SHA, [DATA])
    assert caught.value.status_code == 413


def test_missing_names_what_is_not_there_each_once() -> None:
    blobs.put_bytes(DATA)
    other = hashlib.sha256(b"other").hexdigest()
    assert blobs.missing([other, SHA, other]) == [other]


def test_a_blob_whose_file_is_gone_counts_as_missing() -> None:
    blobs.put_bytes(DATA)
    blobs.path_of(SHA).unlink()
    assert blobs.missing([SHA]) == [SHA]
    with pytest.raises(BlobError):
        blobs.open_blob(SHA)


def test_a_link_in_place_of_a_blob_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    blobs.put_bytes(DATA)
    blobs.path_of(SHA).unlink()
    blobs.path_of(SHA).symlink_to(secret)
    with pytest.raises(BlobError) as caught:
        blobs.open_blob(SHA)
    assert caught.value.status_code == 404


def test_a_linked_folder_that_leaves_the_store_is_not_followed(tmp_path: Path) -> None:
    blobs.put_bytes(DATA)
    folder = blobs.path_of(SHA).parent
    outside = tmp_path / "outside"
    folder.rename(outside)
    folder.symlink_to(outside)
    with pytest.raises(BlobError):
        blobs.open_blob(SHA)


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..%2f..%2fetc", "%252e%252e", "a#b", "a?b", "a\x00b", "\\\\host\\share",
     SHA.upper(), SHA[:-1], SHA + "\n", ""],
)
def test_only_a_hash_is_a_name(name: str) -> None:
    with pytest.raises(BlobError) as caught:
        blobs.path_of(name)
    assert caught.value.status_code == 400


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=80))
def test_no_text_but_a_hash_reaches_the_disk(name: str) -> None:
    if not blobs.SHA256.fullmatch(name):
        with pytest.raises(BlobError):
            blobs.path_of(name)
