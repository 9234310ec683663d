"""Outputs of runs: checked trees of blobs, and the references that name them."""
from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Protocol

from django.db.models import QuerySet

from console.accounts.models import Project
from console.api.problems import ApiProblem, pointer
from console.catalog import blobs
from console.catalog.models import (
    UPLOAD_DIGITS,
    Dataset,
    DatasetVersion,
    ModelEntry,
    ModelVersion,
    Output,
)
from mlcore.run.hashing import FileEntry, tree_digest

MOST_NAMES = 5
LONGEST_LISTING = 512 * 2**20
"""bytes; a file takes about 150"""
File = dict[str, Any]
NAMED = re.compile(r"([a-z]+):([^@/\s][^@/]*)@([1-9][0-9]{0,8})")
UPLOADED = re.compile(rf"upload:([\w.+-]{{1,64}})@([0-9a-f]{{{UPLOAD_DIGITS}}})")
OF_RUN = re.compile(r"run:([^/\s]+)/([^/\s]+)")


class RunLike(Protocol):
    """What registering an output needs to know of a run."""

    uid: Any
    name: str
    project: Project


class OutputError(ApiProblem):
    """The output is not what it says it is."""

    def __init__(self, code: str, detail: str, **extra: Any) -> None:
        super().__init__(422, code, detail, **extra)


class UnresolvedRefError(ApiProblem):
    """A reference that names nothing in this project. `ref` is the reference."""

    def __init__(self, ref: str, detail: str) -> None:
        super().__init__(422, "unresolved_ref", detail, ref=ref)
        self.ref = ref


@dataclass(frozen=True)
class Named:
    """`SCHEME:NAME@NUMBER`, taken apart."""

    ref: str
    scheme: str
    name: str
    number: int

    def absent(self, latest: int | None) -> str:
        """What to say where there is no such version."""
        if latest is None:
            return f"{self.ref}: there is no {self.scheme} of {self.name} in this project."
        return f"{self.ref}: the newest version of {self.name} is {latest}."


Resolver = Callable[[Project, Named], Output]
Offered = Callable[[Project], list[tuple[str, str]]]
_RESOLVERS: dict[str, tuple[Resolver, Offered]] = {}


def register_scheme(scheme: str, resolver: Resolver, offered: Offered) -> None:
    """Let an app say what `SCHEME:NAME@V` names, and which references there are with a few words
    about each, newest first. A resolver raises UnresolvedRefError."""
    _RESOLVERS[scheme] = resolver, offered


def registered_refs(project: Project, scheme: str) -> list[tuple[str, str]]:
    """References of a scheme that an app has registered, with a few words about each."""
    return _RESOLVERS[scheme][1](project)


@dataclass(frozen=True)
class ResolvedRef:
    """A reference fixed to content: hosts fetch `files` and check them against `digest`."""

    ref: str
    digest: str
    files: list[File]
    type: str
    output_id: int


def checked_files(files: Sequence[Mapping[str, Any]], digest: str) -> list[File]:
    """The files sorted by path. Raises OutputError for a bad path, a blob that is not here or has
    another size, or a digest that is not the tree's."""
    errors = []
    entries: dict[str, FileEntry] = {}
    for index, file in enumerate(files):
        path, sha256, size = str(file["path"]), str(file["sha256"]), int(file["size"])
        if not safe_path(path):
            errors.append(_error(index, "path", f"{path!r} is not a plain relative path"))
        elif path in entries:
            errors.append(_error(index, "path", f"{path!r} occurs twice"))
        elif not blobs.SHA256.fullmatch(sha256):
            errors.append(_error(index, "sha256", "is not a SHA-256 in small hex digits"))
        entries[path] = FileEntry(path, sha256, size)
    if errors:
        raise OutputError("files", "The list of files is invalid.", errors=errors)
    _check_blobs(list(entries.values()))
    found = tree_digest(list(entries.values()))
    if found != digest:
        raise OutputError("digest_mismatch", f"The files make the digest {found}, not {digest}.")
    return [
        {"path": e.path, "sha256": e.sha256, "size": e.size}
        for e in sorted(entries.values(), key=lambda e: e.path)
    ]


def listed_files(digest: str) -> list[File]:
    """The files of a tree by its listing, which a host uploads as the blob of the tree's digest.

    Raises OutputError where it is not here, or no listing.
    """
    try:
        data = blobs.read_blob(digest, LONGEST_LISTING)
    except blobs.BlobError as error:
        raise OutputError("missing_listing", f"The listing of {digest}: {error.message}") from error
    try:
        rows = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise OutputError("files", f"The listing of {digest} is not JSON: {error}") from error
    if not isinstance(rows, list) or not all(_is_row(row) for row in rows):
        raise OutputError("files", f"The listing of {digest} is no list of path, sha256 and size.")
    return rows


def _is_row(row: object) -> bool:
    return (
        isinstance(row, dict)
        and row.keys() == {"path", "sha256", "size"}
        and isinstance(row["path"], str)
        and isinstance(row["sha256"], str)
        and type(row["size"]) is int
        and row["size"] >= 0
    )


def safe_path(path: str) -> bool:
    """A relative path of plain segments: no root, no `..`, no backslash, colon or NUL."""
    parts = PurePosixPath(path).parts
    return (
        bool(path)
        and len(path) <= 400
        and path == "/".join(parts)
        and not any(part in ("..", ".", "/") for part in parts)
        and not re.search(r"[\\:\x00-\x1f\x7f]", path)
    )


def _check_blobs(entries: Sequence[FileEntry]) -> None:
    hashes = [entry.sha256 for entry in entries]
    absent = blobs.missing(hashes)
    if absent:
        raise OutputError(
            "missing_blobs", f"{len(absent)} of the files were never uploaded.",
            missing=absent[:100],
        )
    sizes = blobs.sizes(hashes)
    wrong = [entry.path for entry in entries if sizes[entry.sha256] != entry.size]
    if wrong:
        raise OutputError("file_size", f"The size of {wrong[0]} is not that of its bytes.")


def _error(index: int, field: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer(["files", index, field]), "detail": detail}


def resolve_ref(project: Project, ref: str) -> ResolvedRef:
    """What `dataset:NAME@V`, `model:NAME@V`, `run:UID/OUTPUT`, `upload:NAME@DIGEST` or a scheme
    that an app has registered means in a project.

    Raises UnresolvedRefError, which says what there is instead.
    """
    if match := NAMED.fullmatch(ref):
        if match[1] in _RESOLVERS:
            named = Named(ref, match[1], match[2], int(match[3]))
            return _resolved(ref, _RESOLVERS[match[1]][0](project, named))
        if match[1] in ("dataset", "model"):
            return _resolve_version(project, ref, match[1], match[2], int(match[3]))
    if match := OF_RUN.fullmatch(ref):
        output = Output.objects.filter(project=project, run_uid=match[1], name=match[2]).first()
        if output is None:
            raise UnresolvedRefError(ref, f"{ref}: that run has no such output in this project.")
        return _resolved(ref, output)
    if match := UPLOADED.fullmatch(ref):
        rows = Output.objects.filter(project=project, type="upload", digest__startswith=match[2])
        # The first one: what a name means never changes.
        output = rows.filter(name=match[1]).order_by("id").first()
        if output is None:
            raise UnresolvedRefError(ref, f"{ref}: no such file was uploaded to this project.")
        return _resolved(ref, output)
    raise UnresolvedRefError(
        ref,
        f"{ref}: write dataset:NAME@VERSION, model:NAME@VERSION, guidance:MISSION@VERSION, "
        "records:MISSION@VERSION, run:UID/OUTPUT or upload:NAME@DIGEST.",
    )


def _resolve_version(
    project: Project, ref: str, type_: str, name: str, number: int
) -> ResolvedRef:
    found: DatasetVersion | ModelVersion | None
    if type_ == "dataset":
        # Also one whose rows are being written anew: its files are what a run needs.
        versions = DatasetVersion.everything.filter(
            dataset__project=project, dataset__name=name, number__gt=0
        )
        found = versions.select_related("output").filter(number=number).first()
        latest = versions.values_list("number", flat=True).first()
    else:
        entries = ModelVersion.objects.filter(entry__project=project, entry__name=name)
        found = entries.select_related("output").filter(number=number).first()
        latest = entries.values_list("number", flat=True).first()
    if found is not None:
        return _resolved(ref, found.output)
    if latest is None:
        known = _known_names(project, type_)
        there = f" There are: {', '.join(known)}." if known else ""
        raise UnresolvedRefError(
            ref, f"{ref}: there is no {type_} named {name} in this project.{there}"
        )
    raise UnresolvedRefError(ref, f"{ref}: the newest version of {name} is {latest}.")


def _known_names(project: Project, type_: str) -> list[str]:
    """References of the newest versions of a few datasets or models, the last made first."""
    table: type[Dataset] | type[ModelEntry] = Dataset if type_ == "dataset" else ModelEntry
    rows: QuerySet[Any] = table.objects.filter(project=project, latest__gt=0)
    named = rows.order_by("-updated").values_list("name", "latest")[:MOST_NAMES]
    return [f"{type_}:{name}@{number}" for name, number in named]


def _resolved(ref: str, output: Output) -> ResolvedRef:
    return ResolvedRef(ref, output.digest, output.files, output.type, output.pk)
