"""`python -m mlcore data export FORMAT DATASET OUT`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mlcore.config.load import load_text
from mlcore.contract.export_config import EXPORT_FORMATS, NO_PLATFORM, DataExportConfig
from mlcore.contract.exporters.engine import export_dataset
from mlcore.contract.reader import open_dataset
from mlcore.errors import ConfigError
from mlcore.run.exits import ExitCode


def add_parser(commands: Any) -> None:
    """Add the subcommand to those of `data`."""
    parser = commands.add_parser("export", help="write a dataset in a foreign format")
    parser.add_argument("format", choices=[*EXPORT_FORMATS, "platform"])
    parser.add_argument("dataset", type=Path, help="a folder with dataset.json")
    parser.add_argument("out", type=Path, help="a new or empty folder")
    parser.add_argument("--splits", nargs="*", default=[], metavar="NAME")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Export, then print what was written and what the format could not hold."""
    if options.format == "platform":
        raise ConfigError(NO_PLATFORM)
    out: Path = options.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out} is not empty", hint="Give another folder.")
    values = {
        "kind": "data_export",
        "dataset": str(options.dataset),
        "format": options.format,
        "splits": options.splits,
    }
    config = load_text(json.dumps(values, ensure_ascii=False), "(command line)").model
    assert isinstance(config, DataExportConfig)
    report = export_dataset(open_dataset(options.dataset), out, config)
    for split, images in report["images"].items():
        print(f"  {split}: {images} images")
    print(f"{report['objects']['written']} objects written")
    for kind in ("changed", "left_out"):
        for reason, count in report["objects"][kind].items():
            print(f"  {kind.replace('_', ' ')}: {reason} {count}")
    print(f"not held: {', '.join(report['not_held'])}")
    return int(ExitCode.OK)
