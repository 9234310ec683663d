"""`python -m mlcore data import FORMAT SRC OUT`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mlcore.config.load import load_text
from mlcore.config.yaml_tree import read_yaml
from mlcore.contract.import_config import FORMATS, ImportConfig
from mlcore.contract.importers.archive import opened_source
from mlcore.contract.importers.engine import import_dataset
from mlcore.contract.reader import MANIFEST
from mlcore.errors import ConfigError
from mlcore.run.exits import ExitCode

SHOWN_REJECTS = 50


def add_parser(commands: Any) -> None:
    """Add the subcommand to those of `data`."""
    parser = commands.add_parser("import", help="turn foreign annotations into a dataset")
    parser.add_argument("format", choices=FORMATS)
    parser.add_argument("source", type=Path, help="a folder, or a zip of it")
    parser.add_argument("out", type=Path)
    parser.add_argument("--name", default="", help="the dataset's name; the folder's by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=0, help="only the first pictures; 0 for all")
    parser.add_argument("--max-reject-share", type=float, default=0.01, metavar="SHARE")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="settings",
        help="any other key of the config, as format.geometry=poly or resize.max_pixels=65536",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Import, then print what was kept and what was rejected."""
    out: Path = options.out
    if (out / MANIFEST).exists():
        raise ConfigError(f"{out} already holds a dataset", hint="Give another folder.")
    if not options.source.exists():
        raise ConfigError(f"{options.source} is neither a folder nor a zip")
    config = _config(options)
    into = out.with_name(f".{out.name}.unpacked")
    with opened_source(options.source, into, options.format) as folder:
        manifest = import_dataset(folder, out, config, _show_progress)
    counts = manifest["import"]
    images, objects = counts["images"], counts["objects"]
    print(
        f"{images['kept']} of {images['seen']} images,"
        f" {objects['kept']} of {objects['seen']} objects"
    )
    for kind in ("left_out_objects", "changed_images", "changed_objects"):
        for reason, count in counts[kind].items():
            print(f"  {kind.replace('_', ' ')}: {reason} {count}")
    for name, entry in {**manifest["splits"], **manifest["subsets"]}.items():
        print(f"  {name}: {entry['records']} records")
    _print_rejects(out)
    print(f"fingerprint {manifest['fingerprint']}")
    return int(ExitCode.OK)


def _config(options: argparse.Namespace) -> ImportConfig:
    values: dict[str, Any] = {
        "kind": "import",
        "format": {"type": options.format},
        "source": str(options.source),
        "dataset_name": options.name or options.out.resolve().name,
        "seed": options.seed,
        "limit": options.limit,
        "max_reject_share": options.max_reject_share,
    }
    for text in options.settings:
        key, equals, value = text.partition("=")
        tree = read_yaml(f"value: {value}", "--set")
        if not key or not equals or tree.problems:
            raise ConfigError(f"--set {text} must be KEY=VALUE")
        _put(values, key.split("."), tree.data["value"])
    loaded = load_text(json.dumps(values, ensure_ascii=False), "(command line)").model
    assert isinstance(loaded, ImportConfig)
    return loaded


def _put(values: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        child = values.setdefault(part, {})
        if not isinstance(child, dict):
            raise ConfigError(f"--set {'.'.join(path)}: {part} is no group")
        values = child
    values[path[-1]] = value


def _show_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r{done} of {total} pictures", end=end, file=sys.stderr, flush=True)


def _print_rejects(out: Path) -> None:
    rows = (out / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    for row in rows[:SHOWN_REJECTS]:
        reject = json.loads(row)
        line = f":{reject['line']}" if reject["line"] else ""
        path = "" if line or not reject["path"] else f" {reject['path']}"
        print(f"rejected {reject['file']}{line}{path}: {reject['message']} [{reject['rule']}]")
    if len(rows) > SHOWN_REJECTS:
        print(f"... and {len(rows) - SHOWN_REJECTS} more in {out / 'rejects.jsonl'}")
