"""The typed form of what the console's Host API answers."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlcore.run.hashing import FileEntry


@dataclass(frozen=True)
class Hello:
    """Answer to `hello`: who this host is to the console, and its rhythm in seconds."""

    host_id: str
    heartbeat_s: float
    lease_s: float


@dataclass(frozen=True)
class SourceFile:
    """One YAML of the config's `extends` chain; `path` is relative to the config's folder."""

    path: str
    text: str


@dataclass(frozen=True)
class Binding:
    """A named input, resolved by the console to a tree of hashed files."""

    ref: str
    digest: str
    files: tuple[FileEntry, ...]


@dataclass(frozen=True)
class Earlier:
    """An attempt before this one, and how much of its events and log the console has."""

    attempt_id: str
    number: int
    last_seq: int
    log_size: int


@dataclass(frozen=True)
class Claim:
    """One attempt of one run that is now ours until the lease ends."""

    uid: str
    kind: str
    name: str
    project: str
    attempt_id: str
    number: int
    lease: str
    filename: str
    text: str
    sources: tuple[SourceFile, ...]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    bindings: tuple[Binding, ...] = ()
    resume: bool = False
    gpus: tuple[int, ...] | None = None
    """device indices leased to this attempt; None when the console does not lease devices"""
    earlier: tuple[Earlier, ...] = ()
    """attempts before this one, oldest first"""


@dataclass(frozen=True)
class Beat:
    """Answer to a heartbeat."""

    cancel: bool


@dataclass(frozen=True)
class Finish:
    """The end of an attempt as it is told to the console."""

    exit_code: int
    last_seq: int
    report: Mapping[str, Any] | None = None
    manifest: Mapping[str, Any] | None = None
    outputs: tuple[Mapping[str, Any], ...] = ()


def parse_claim(body: Mapping[str, Any]) -> Claim:
    """A Claim from the console's JSON. Raises KeyError when a required member is missing."""
    run, attempt, config = body["run"], body["attempt"], body["config"]
    gpus = attempt.get("gpus")
    return Claim(
        uid=str(run["uid"]),
        kind=str(run["kind"]),
        name=str(run.get("name", "")),
        project=str(run.get("project", "")),
        attempt_id=str(attempt["id"]),
        number=int(attempt["number"]),
        lease=str(attempt["lease"]),
        filename=str(config["filename"]),
        text=str(config["text"]),
        sources=tuple(SourceFile(s["path"], s["text"]) for s in config.get("sources", ())),
        overrides=dict(body.get("set") or {}),
        bindings=tuple(_parse_binding(b) for b in body.get("bindings", ())),
        resume=bool(body.get("resume", False)),
        gpus=None if gpus is None else tuple(int(g) for g in gpus),
        earlier=tuple(
            Earlier(str(e["id"]), int(e["number"]), int(e["last_seq"]), int(e["log_size"]))
            for e in body.get("earlier", ())
        ),
    )


def _parse_binding(body: Mapping[str, Any]) -> Binding:
    files = tuple(FileEntry(f["path"], f["sha256"], int(f["size"])) for f in body["files"])
    return Binding(str(body["ref"]), str(body["digest"]), files)
