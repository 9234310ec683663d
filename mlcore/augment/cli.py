"""`python -m mlcore augment`: look at what an augmentation makes of a record; list the ops."""

from __future__ import annotations

import argparse
import difflib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2

from mlcore.augment.bank import PatchBank, paste_ops, prepare_bank
from mlcore.augment.config import AugmentConfig
from mlcore.augment.load import load_augmentation
from mlcore.augment.op import OPS
from mlcore.augment.pipeline import Augmented, Augmenter
from mlcore.augment.preview import side_by_side
from mlcore.contract.reader import Dataset, open_dataset
from mlcore.contract.records import Record
from mlcore.contract.spaces import in_pixels
from mlcore.errors import DataError, InfrastructureError
from mlcore.geometry.order import read_policy
from mlcore.models.images import read_rgb
from mlcore.run.exits import ExitCode


def main(argv: Sequence[str]) -> int:
    """Run a subcommand and return its exit code."""
    options = _parser().parse_args(list(argv))
    return _ops(options) if options.command == "ops" else _preview(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlcore augment", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    preview = commands.add_parser("preview", help="draw a record before and after")
    preview.add_argument("dataset", type=Path, help="a dataset folder")
    preview.add_argument("--split", default="train")
    preview.add_argument("--record", help="the record's id; the first one by default")
    preview.add_argument(
        "--config", required=True, metavar="FILE",
        help="an augmentation (ops: ...), a training config, or recipe:parts/NAME.yaml",
    )
    preview.add_argument("--seed", type=_whole, default=0)
    preview.add_argument("--epoch", type=_whole, default=0)
    preview.add_argument("--step", type=_whole, default=0, help="place in the curriculum")
    preview.add_argument("--total-steps", type=_whole, default=1)
    preview.add_argument("--out", type=Path, required=True, metavar="PNG")
    preview.add_argument("--json", action="store_true", help="print what was done as JSON")
    ops = commands.add_parser("ops", help="list the ops and their parameters")
    ops.add_argument("--json", action="store_true", help="as JSON schemas")
    return parser


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def _preview(options: argparse.Namespace) -> int:
    config = load_augmentation(options.config)
    dataset = open_dataset(options.dataset)
    records = [in_pixels(record) for record in dataset.split(options.split)]
    record = _chosen(records, options.record, options.split)
    image = read_rgb(dataset.folder / record.images[0])
    with tempfile.TemporaryDirectory() as folder:
        bank = _bank(Path(folder) / "bank", config, records, dataset, options.seed)
        augmenter = Augmenter(
            config, options.seed, bank,
            policy=read_policy(dataset.manifest.get("object_order")),
            classes=dataset.manifest.get("class_order", ()),
        )
        found = augmenter(record, image, options.epoch, options.step, options.total_steps)
    sheet = side_by_side(record, image, found.record, found.image)
    out: Path = options.out
    done, data = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    try:
        out.write_bytes(data.tobytes())
    except OSError as error:
        raise InfrastructureError(f"cannot write {out}: {error.strerror}") from error
    assert done
    if options.json:
        print(json.dumps(found.telemetry.to_json(), ensure_ascii=False))
    else:
        _print(record, found, out)
    return int(ExitCode.OK)


def _chosen(records: Sequence[Record], wanted: str | None, split: str) -> Record:
    if not records:
        raise DataError(f"the split {split} has no records")
    if wanted is None:
        return records[0]
    for record in records:
        if record.id == wanted:
            return record
    near = difflib.get_close_matches(wanted, [r.id for r in records], n=3, cutoff=0.5)
    hint = f"Near: {', '.join(near)}." if near else f"The first one is {records[0].id}."
    raise DataError(f"the split {split} has no record {wanted!r}", hint=hint)


def _bank(
    folder: Path, config: AugmentConfig, records: Sequence[Record], dataset: Dataset, seed: int
) -> PatchBank | None:
    if not paste_ops(config):
        return None
    return prepare_bank(
        folder, config, records, lambda r: read_rgb(dataset.folder / r.images[0]), seed
    )


def _print(record: Record, found: Augmented, out: Path) -> None:
    told = found.telemetry
    if told.bypassed:
        print(f"{record.id}: bypassed, nothing was changed")
    for step in told.steps:
        detail = json.dumps(dict(step.detail), ensure_ascii=False) if step.detail else ""
        fate = f"skipped: {step.skipped}" if step.skipped else "applied"
        print(f"  {step.op:28} {fate:24}{detail}")
    print(
        f"{record.id}: {record.width} x {record.height} to {told.width} x {told.height}, "
        f"{len(record.objects)} objects to {len(found.record.objects)}, "
        f"padding {told.padding_ratio:.1%}"
    )
    for row in told.lost:
        print(f"  lost object {row['source']}: {row['reason']}")
    print(f"drawn in {out}")


def _ops(options: argparse.Namespace) -> int:
    schemas = {name: OPS.get(name).model_json_schema() for name in OPS.names()}
    if options.json:
        print(json.dumps(schemas, ensure_ascii=False))
        return int(ExitCode.OK)
    for name, schema in schemas.items():
        print(f"{name}: {' '.join(schema['description'].split())}")
        for key, row in schema["properties"].items():
            if key != "type":
                default = json.dumps(row.get("default"), ensure_ascii=False)
                print(f"    {key:26} {default:24} {' '.join(row['description'].split())}")
    return int(ExitCode.OK)
