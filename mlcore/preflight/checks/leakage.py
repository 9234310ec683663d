"""Whether held-out pictures or tickets are learned from as well."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from mlcore.contract.image_list import IMAGE_LIST, read_image_list
from mlcore.preflight.result import Result
from mlcore.preflight.scene import Scene
from mlcore.run.hashing import file_sha256

HINT = (
    "Draw the splits by whole tickets at import (val_share, ticket_pattern); what is learned from "
    "cannot be held out, and its scores are too good."
)


def check(scene: Scene) -> Result:
    """WARN on a picture (by its bytes) or a ticket that is in train and in val."""
    train = {(m.dataset.folder, name) for m, record in scene.train() for name in record.images}
    val = {(m.dataset.folder, name) for m, record in scene.val() for name in record.images}
    shared, same = _same_pictures(train, val)
    tickets = _tickets(scene)
    figures = {
        "pictures": len(train),
        "held_out": len(val),
        "shared": shared,
        "shared_tickets": len(tickets),
    }
    if shared or tickets:
        first = f"; the first: {same}" if same else f"; the first: {min(tickets)}"
        message = f"{shared} held-out pictures and {len(tickets)} tickets are learned from{first}"
        return Result("leakage", "WARN", message, figures, HINT)
    message = f"none of {len(val):,} held-out pictures and no ticket is learned from"
    return Result("leakage", "PASS", message, figures)


def _same_pictures(train: set[tuple[Path, str]], val: set[tuple[Path, str]]) -> tuple[int, str]:
    """How many held-out pictures have the bytes of one to learn from, and the first."""
    listed = {folder: _listed(folder) for folder in {folder for folder, _ in train | val}}
    sizes = defaultdict(list)
    for folder, name in sorted(train):
        sizes[(folder / name).stat().st_size].append((folder, name))
    found = []
    for folder, name in sorted(val):
        near = sizes.get((folder / name).stat().st_size, [])
        digest = _digest(folder, name, listed) if near else ""
        if any(_digest(*other, listed) == digest for other in near):
            found.append(name)
    return len(found), found[0] if found else ""


def _listed(folder: Path) -> dict[str, str]:
    if not (folder / IMAGE_LIST).exists():
        return {}
    return {entry.path: entry.sha256 for entry in read_image_list(folder)}


def _digest(folder: Path, name: str, listed: dict[Path, dict[str, str]]) -> str:
    """The SHA-256 of a picture: what images.jsonl says, or read where there is none."""
    if name not in listed[folder]:
        listed[folder][name] = file_sha256(folder / name)
    return listed[folder][name]


def _tickets(scene: Scene) -> set[str]:
    """Tickets in train and in val of the same dataset folder."""
    sides: list[set[tuple[Path, str]]] = [set(), set()]
    for side, rows in zip(sides, (scene.train(), scene.val()), strict=True):
        for member, record in rows:
            ticket = str(record.metadata.get("ticket", ""))
            if ticket:
                side.add((member.dataset.folder, ticket))
    return {ticket for _, ticket in sides[0] & sides[1]}
