"""`python -m mlcore data report OUT`: the quality report of a dataset, counted anew."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mlcore.contract.quality import report_of
from mlcore.run.exits import ExitCode
from mlcore.run.folder import write_json

SHOWN = 20


def add_parser(commands: Any) -> None:
    """Add the subcommand to those of `data`."""
    parser = commands.add_parser("report", help="what is in a dataset, and what occurs twice")
    parser.add_argument("dataset", type=Path, help="a folder with dataset.json")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    parser.add_argument("--write", action="store_true", help="replace the folder's report.json")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Count and print."""
    report = report_of(options.dataset)
    if options.write:
        write_json(options.dataset / "report.json", report)
    if options.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        print("\n".join(lines_of(report)))
    return int(ExitCode.OK)


def lines_of(report: dict[str, Any]) -> list[str]:
    """The report as lines for people; shares in percent."""
    splits = ", ".join(f"{n} {s['images']}" for n, s in report["splits"].items())
    out = [f"{report['images']} images ({splits}), {report['objects']} objects", "", "classes"]
    out += [
        f"  {row['name']}: {row['objects']} objects ({row['share_of_objects']:.1%}),"
        f" in {row['images']} images ({row['share_of_images']:.1%})"
        for row in report["classes"]
    ]
    out += ["", "attributes"] if report["attributes"] else []
    for row in report["attributes"]:
        values = ", ".join(f"{v['value']} {v['objects']} ({v['share']:.1%})" for v in row["values"])
        out.append(f"  {row['class']} {row['key']}: {values}")
    negatives = report["negatives"]
    out += ["", f"negatives: {negatives['objects']} objects in {negatives['images']} images"]
    out += [
        f"  {row['class']}: {row['negative']} of {row['objects']} ({row['share']:.1%})"
        for row in negatives["by_class"]
    ]
    kinds = ", ".join(f"{kind} {n}" for kind, n in report["geometries"].items())
    out += ["", f"geometries: {kinds}", "image sizes"]
    out += [f"  {row['size']}: {row['images']}" for row in report["image_sizes"][:SHOWN]]
    out += ["objects by share of the image"]
    out += [f"  up to {r['up_to']:.1%}: {r['objects']}" for r in report["object_area_share"]]
    out += ["", f"rejects: {report['rejects']['total']}"]
    out += [f"  {rule}: {n}" for rule, n in report["rejects"]["by_rule"].items()]
    return out + _twice(report)


def _twice(report: dict[str, Any]) -> list[str]:
    leaks, near = report["leakage"], report["near_duplicates"]
    out = [
        "",
        f"pictures in two splits: {len(leaks['images'])}",
        *(f"  {', '.join(i['path'] for i in row['images'])}" for row in leaks["images"][:SHOWN]),
        f"tickets in two splits: {len(leaks['tickets'])}",
        *(f"  {r['ticket']}: {', '.join(r['splits'])}" for r in leaks["tickets"][:SHOWN]),
        f"near-duplicates: {near['total_groups']} groups of {near['total_images']} images"
        f" ({near['method']}, at most {near['max_distance']} bits apart)",
    ]
    for group in near["groups"][:SHOWN]:
        where = "across splits" if group["across_splits"] else "in one split"
        shown = ", ".join(row["path"] for row in group["images"][:5])
        out.append(f"  {group['size']} {where}: {shown}")
    return out
