"""Pictures: the headers of all were read with the data; a sample is decoded here as a whole."""

from __future__ import annotations

from mlcore.errors import DataError
from mlcore.models.images import read_rgb
from mlcore.preflight.result import Result
from mlcore.preflight.scene import Scene, spread

DECODED = 16
"""pictures of each dataset that are decoded"""
HINT = (
    "Image paths are relative to the dataset's folder. `python -m mlcore data validate` names "
    "every picture that is missing or broken; import the data anew."
)


def check(scene: Scene) -> Result:
    """BLOCK on a sampled picture that cannot be decoded or is not of its record's size."""
    headers = decoded = 0
    faults: list[str] = []
    for member in scene.data.members:
        records = [*member.train, *member.val]
        headers += sum(len(record.images) for record in records)
        for record in spread(records, DECODED):
            for name in record.images:
                decoded += 1
                try:
                    shape = read_rgb(member.dataset.folder / name).shape[:2]
                except DataError as error:
                    faults.append(f"{record.id}: {name}: {error.message}")
                    continue
                if shape != (record.height, record.width):
                    faults.append(f"{record.id}: {name} is {shape[1]} x {shape[0]}")
    figures = {"headers": headers, "decoded": decoded, "faults": len(faults)}
    if faults:
        return Result("images", "BLOCK", f"{len(faults)} of {decoded}: {faults[0]}", figures, HINT)
    message = f"{headers:,} headers read, {decoded} pictures decoded"
    return Result("images", "PASS", message, figures)
