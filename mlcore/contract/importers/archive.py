"""A source that is a zip: unpacked where the import runs, nothing in it trusted.

Everything is judged from the archive's directory before a byte is written: names that leave the
folder, links, encryption, repeated names, and sizes (D. Fifield, "A better zip bomb", WOOT 2019:
what files share in the archive is counted for each of them).
"""

from __future__ import annotations

import lzma
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from mlcore.errors import DataError, InfrastructureError

SUFFIX = ".zip"
CHUNK = 1 << 20
MAX_ENTRIES = 300_000
"""files and folders in an archive"""
MAX_TOTAL = 64 << 30
"""bytes of an archive's files once unpacked"""
MAX_RATIO = 200
"""unpacked bytes per byte of an archive; annotation text stays below 50, pictures near 1"""
FREE_OF_RATIO = 64 << 20
"""unpacked bytes that are allowed at any ratio"""
MAX_DIRECTORY = 128 << 20
"""bytes of an archive's directory, which is read into memory as a whole"""
MAX_NAME, MAX_PATH = 255, 1000
"""bytes of one name, and of a whole path"""
RESERVE = 256 << 20
"""bytes that stay free on the disk"""
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
LITTER = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"})
"""what desktops add to folders and archives; left out"""
TELLING = frozenset({"platform"})
"""formats in which a folder's name can be the ticket"""
REMEDY = "Or unpack it on a host, and give the folder's path as the source."
_END, _END64 = b"PK\x05\x06", b"PK\x06\x06"
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError)

Progress = Callable[[int, int], None]
"""called with files done and files in all; may raise to stop"""


@dataclass(frozen=True)
class Entry:
    """A file of an archive and where it goes, relative to the folder."""

    info: zipfile.ZipInfo
    path: PurePosixPath


@contextmanager
def opened_source(
    source: Path, into: Path, format_: str, progress: Progress | None = None
) -> Iterator[Path]:
    """The folder to import: the source itself, or what its zip holds, unpacked below `into`.

    A source is a zip when it is the file, or a folder with nothing but one. A folder that holds
    everything in the archive is stepped into, unless its name means something in the format.
    `into` is made, and removed at the end; what an earlier attempt left there is removed first.

    Raises DataError for an archive that is damaged or could do harm, InfrastructureError where the
    disk has no room for it.
    """
    archive = archive_of(source)
    if archive is None:
        yield source
        return
    shutil.rmtree(into, ignore_errors=True)
    try:
        unpack(archive, into, progress)
        yield into if format_ in TELLING else _inner(into)
    finally:
        shutil.rmtree(into, ignore_errors=True)


def archive_of(source: Path) -> Path | None:
    """The zip that a source is, None where it is a folder of files. Raises DataError for a file of
    another kind."""
    if source.is_file():
        if source.suffix.lower() != SUFFIX:
            raise DataError(
                f"{source.name} is neither a folder nor a zip",
                where=str(source),
                hint="Annotations need their pictures beside them: zip the whole folder.",
            )
        return source
    inside = sorted(source.iterdir())[:2]
    if len(inside) == 1 and inside[0].is_file() and inside[0].suffix.lower() == SUFFIX:
        return inside[0]
    return None


def unpack(archive: Path, into: Path, progress: Progress | None = None) -> None:
    """Write every file of a zip below `into`, which is made. Raises as `opened_source` says."""
    with archive.open("rb") as file:
        _check_directory(file, archive)
        try:
            with zipfile.ZipFile(file) as opened:
                entries = checked_entries(opened, archive)
                _check_room(entries, into, archive)
                into.mkdir()
                for done, entry in enumerate(entries, start=1):
                    _write(opened, entry, into, archive)
                    if progress is not None:
                        progress(done, len(entries))
        except zipfile.BadZipFile as error:
            raise _damaged(archive, str(error)) from error


def checked_entries(opened: zipfile.ZipFile, archive: Path) -> list[Entry]:
    """The files to write, in the archive's order. Raises DataError for the first that must not be,
    and where they are too many or too large together."""
    rows = opened.infolist()
    if len(rows) > MAX_ENTRIES:
        raise _refused(archive, f"has {len(rows):,} entries; at most {MAX_ENTRIES:,} are unpacked")
    entries: list[Entry] = []
    kinds: dict[PurePosixPath, bool] = {}
    total = 0
    for info in rows:
        path = _path(info, archive)
        if path is None:
            continue
        for parent in path.parents:
            if kinds.setdefault(parent, True) is False:
                raise _refused(archive, f"names {parent} as a file and as a folder")
        if info.filename.endswith(("/", "\\")):
            if kinds.setdefault(path, True) is False:
                raise _refused(archive, f"names {path} as a file and as a folder")
            continue
        if path in kinds:
            raise _refused(archive, f"names {path} twice")
        kinds[path] = False
        _check_kind(info, archive)
        total += info.file_size
        entries.append(Entry(info, path))
    _check_size(total, archive)
    if not entries:
        raise _refused(archive, "holds no file")
    return entries


def _path(info: zipfile.ZipInfo, archive: Path) -> PurePosixPath | None:
    """Where an entry goes; None for what a desktop added. Raises DataError for a name that is not
    plain and relative."""
    name = _name(info).replace("\\", "/")
    path = PurePosixPath(name)
    drive = len(name) > 1 and name[1] == ":"
    if "\0" in info.orig_filename or path.is_absolute() or drive or ".." in path.parts:
        raise _refused(archive, f"holds {info.orig_filename!r}, which leads outside its folder")
    if not path.parts:
        return None
    if any(part in LITTER or part.startswith("._") for part in path.parts):
        return None
    if len(name.encode()) > MAX_PATH or max(len(p.encode()) for p in path.parts) > MAX_NAME:
        raise _refused(archive, f"holds a name that is too long: {name[:60]!r}...")
    return path


def _name(info: zipfile.ZipInfo) -> str:
    """The name of an entry. Without the flag for UTF-8 it is code page 437 by the standard, but
    most programs write UTF-8 all the same."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return info.filename


def _check_kind(info: zipfile.ZipInfo, archive: Path) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        word = "a link" if kind == stat.S_IFLNK else "no plain file"
        raise _refused(archive, f"holds {info.filename!r}, {word}; only files are unpacked")
    if info.flag_bits & 0x1:
        raise _refused(archive, f"is encrypted ({info.filename!r}); make it without a password")
    if info.compress_type not in METHODS:
        raise _refused(
            archive, f"packs {info.filename!r} by method {info.compress_type}; use deflate"
        )


def _check_size(total: int, archive: Path) -> None:
    packed = archive.stat().st_size
    if total > MAX_TOTAL:
        raise _refused(archive, f"unpacks to {total:,} bytes; at most {MAX_TOTAL:,} are allowed")
    if total > max(FREE_OF_RATIO, MAX_RATIO * packed):
        raise _refused(
            archive,
            f"unpacks to {total:,} bytes, {total // packed:,} times its size (at most {MAX_RATIO})",
        )


def _check_room(entries: list[Entry], into: Path, archive: Path) -> None:
    total = sum(entry.info.file_size for entry in entries)
    free = shutil.disk_usage(into.parent).free - RESERVE
    if total > free:
        raise InfrastructureError(
            f"no room to unpack {archive.name}: {total:,} bytes needed, {max(free, 0):,} free",
            hint="Make room on the host, then retry the run.",
            where=str(into.parent),
        )


def _write(opened: zipfile.ZipFile, entry: Entry, into: Path, archive: Path) -> None:
    target = into / entry.path
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        try:
            with opened.open(entry.info) as stream:
                while chunk := stream.read(CHUNK):
                    file.write(chunk)
        except _DAMAGED as error:
            raise _damaged(archive, f"{entry.path}: {error}") from error
        except OSError as error:
            if error.errno is None:  # bz2's word for damaged data
                raise _damaged(archive, f"{entry.path}: {error}") from error
            raise
        if file.tell() != entry.info.file_size:
            raise _damaged(archive, f"{entry.path} is cut off")


def _inner(folder: Path) -> Path:
    """The one folder that holds everything, however deep."""
    inside = list(folder.iterdir())
    while len(inside) == 1 and inside[0].is_dir():
        folder = inside[0]
        inside = list(folder.iterdir())
    return folder


def _check_directory(file: BinaryIO, archive: Path) -> None:
    """Hold the size of the directory that the archive's end states, before it is read."""
    size = file.seek(0, 2)
    file.seek(max(0, size - (1 << 16) - 22 - 20 - 56))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise _damaged(archive, "its end is missing, as of an upload or copy that was cut off")
    stated = struct.unpack_from("<L", tail, at + 12)[0]
    large = at - 20 - 56
    if large >= 0 and tail[large : large + 4] == _END64:
        stated = max(stated, struct.unpack_from("<Q", tail, large + 40)[0])
    elif stated == 0xFFFFFFFF:
        raise _damaged(archive, "the size of its directory is missing")
    if stated > MAX_DIRECTORY:
        raise _refused(
            archive, f"has a directory of {stated:,} bytes; at most {MAX_DIRECTORY:,} are read"
        )
    file.seek(0)


def _refused(archive: Path, what: str) -> DataError:
    return DataError(
        f"{archive.name} {what}", where=str(archive), hint=f"Make the zip anew. {REMEDY}"
    )


def _damaged(archive: Path, why: str) -> DataError:
    return DataError(
        f"{archive.name} is damaged: {why}",
        where=str(archive),
        hint="Make the zip anew and upload it again.",
    )
