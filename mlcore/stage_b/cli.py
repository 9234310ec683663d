"""`python -m mlcore verdicts`: the report of a run from its files, and two runs side by side."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlcore.run.exits import ExitCode
from mlcore.stage_b.compare import compare
from mlcore.stage_b.outcomes import read_outcomes, verdicts_folder
from mlcore.stage_b.rebuild import Rebuilt, rebuild

NAMES = {
    "label_match": "label match",
    "false_release": "false release",
    "false_block": "false block",
    "format_rate": "format rate",
    "malformed": "no verdict",
    "label_suspect": "label in doubt",
}
SHOWN = 20
"""keys of tickets that are printed; --json has all"""


def main(argv: Sequence[str]) -> int:
    """Run a subcommand; returns the exit code. Raises DataError for folders that are not whole."""
    options = _parser().parse_args(list(argv))
    code: int = options.run(options)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlcore verdicts", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    report = commands.add_parser("report", help="figures of a run, made again from its files")
    report.add_argument("folder", type=Path, help="a run folder, or its artifacts/verdicts")
    report.add_argument("--json", action="store_true")
    report.add_argument("--out", type=Path, help="write group_report.jsonl and summary.json there")
    report.set_defaults(run=_report)
    two = commands.add_parser("compare", help="two runs on the same tickets, paired")
    two.add_argument("a", type=Path, help="the released run: a run folder, or artifacts/verdicts")
    two.add_argument("b", type=Path, help="the candidate")
    two.add_argument("--json", action="store_true")
    two.set_defaults(run=_compare)
    return parser


def _report(options: argparse.Namespace) -> int:
    found = rebuild(verdicts_folder(options.folder))
    if options.json:
        print(_dump({**found.summary, "differs": list(found.other)}))
    else:
        print("\n".join(_report_lines(found)))
    if options.out is not None:
        for path in found.write(options.out):
            print(f"wrote {path}")
    return ExitCode.OK


def _report_lines(found: Rebuilt) -> list[str]:
    summary = found.summary
    counts = ", ".join(f"{name} {n}" for name, n in summary["confusion"].items())
    lines = [f"{summary['mission']}: {len(found.rows)} tickets ({counts})"]
    for name, figure in summary["figures"].items():
        lines.append(f"  {NAMES[name]:15} {_share(figure)}")
    for row in summary["epochs"]:
        whole, kept = row["include_manual_review"], row["exclude_manual_review"]
        lines.append(f"epoch {row['epoch']}: {_rates(whole)}; without review {_rates(kept)}")
    for name in found.other:
        lines.append(f"{name} of the folder is missing or says something else")
    return lines


def _compare(options: argparse.Namespace) -> int:
    a, b = (read_outcomes(verdicts_folder(path)) for path in (options.a, options.b))
    found = compare(a, b)
    print(_dump(found) if options.json else "\n".join(_compare_lines(found)))
    return ExitCode.OK


def _compare_lines(found: Mapping[str, Any]) -> list[str]:
    only, flips, p = found["only"], found["flips"], found["p"]
    lines = [f"{found['mission']}: {found['n']} tickets in both"]
    words = {"before": "only in A", "after": "only in B", "relabelled": "under another label in B"}
    for side, keys in only.items():
        if keys:
            more = " …" if len(keys) > SHOWN else ""
            lines.append(f"  {len(keys)} {words[side]}: {', '.join(keys[:SHOWN])}{more}")
    for name in ("label_match", "false_release", "false_block"):
        before, after, change = (found[side][name] for side in ("before", "after", "change"))
        lines.append(
            f"  {NAMES[name]:15} {_share(before)} -> {_share(after)}  change {_change(change)}"
        )
    lines.append(
        f"  {flips['n']} verdicts differ: {flips['pass_to_fail']} pass to fail, "
        f"{flips['fail_to_pass']} fail to pass, {flips['lost']} lost, {flips['gained']} gained; "
        f"{flips['to_label']} to the label, {flips['from_label']} away from it"
    )
    lines.append(
        f"  exact McNemar: p = {p['two_sided']['value']:.4g} two-sided; "
        f"{p['better']['value']:.4g} of no better, {p['worse']['value']:.4g} of no worse"
    )
    return lines


def _share(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return f"none (n={figure['n']})"
    low, high = figure["interval"]
    return f"{figure['value']:.4f} [{low:.4f}, {high:.4f}] n={figure['n']}"


def _change(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "none"
    low, high = figure["interval"]
    return f"{figure['value']:+.4f} [{low:+.4f}, {high:+.4f}]"


def _rates(rates: Mapping[str, Any]) -> str:
    share = "none" if rates["acc"] is None else f"{rates['acc']:.4f}"
    return f"label match {share}, fp {rates['fp']}, fn {rates['fn']}, n={rates['n']}"


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
