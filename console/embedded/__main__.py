"""`python -m console.embedded up | demo | doctor | assets`: the console on one machine."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType

from console.embedded.errors import StackError, StopRequested
from console.embedded.stack import Access, Stack, describe, say
from console.embedded.state import locked, open_state

Work = Callable[[Stack, Access], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Do one command; returns the exit code."""
    options = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except StackError as error:
        say(f"error: {error}")
        return 1
    except StopRequested:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m console.embedded", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, function, text in (
        ("up", _up, "start the console and keep it running until Ctrl-C"),
        ("demo", _demo, "start the console and run the main job in it"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--port", type=int, help="port of the console; default: a free one")
        command.add_argument("--slots", type=int, default=2, help="runs at a time")
        command.add_argument("--once", action="store_true", help="stop again by itself")
        command.set_defaults(command=function)
    commands.add_parser("doctor", help="what this machine can do").set_defaults(command=_doctor)
    commands.add_parser("assets", help="make static/vendor").set_defaults(command=_assets)
    browser = commands.add_parser("browser", help="make sure that Chromium is there for the tests")
    browser.set_defaults(command=_browser)
    return parser


def _up(options: argparse.Namespace) -> int:
    def work(stack: Stack, access: Access) -> int:
        print(describe(access), flush=True)
        if not options.once:
            say("Ctrl-C stops everything.")
            stack.stop_event.wait()
        return 0

    return _with_stack(options, work)


def _demo(options: argparse.Namespace) -> int:
    from console.embedded.demo import run_demo

    def work(stack: Stack, access: Access) -> int:
        code = run_demo(access, stack.stop_event)
        if not options.once and not stack.stop_event.is_set():
            say("The console keeps running. Ctrl-C stops everything.")
            stack.stop_event.wait()
        return code

    return _with_stack(options, work)


def _doctor(options: argparse.Namespace) -> int:
    from console.embedded.doctor import print_report

    return print_report()


def _assets(options: argparse.Namespace) -> int:
    from console.embedded.assets import AssetsError, install_assets

    try:
        print(install_assets())
    except AssetsError as error:
        raise StackError(str(error)) from error
    return 0


def _browser(options: argparse.Namespace) -> int:
    from console.embedded.browser import ensure_chromium

    print(ensure_chromium())
    return 0


def _with_stack(options: argparse.Namespace, work: Work) -> int:
    """Start the stack, do the work, stop the stack whatever happened."""
    stop_event = threading.Event()

    state = open_state()
    stack = Stack(state, os.environ, stop_event, slots=options.slots, port=options.port)

    def ask_to_stop(signum: int, frame: FrameType | None) -> None:
        if stop_event.is_set():
            stack.hurry()
        stop_event.set()

    with locked(state):
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, ask_to_stop)
        try:
            return work(stack, stack.start())
        finally:
            say("Stopping.")
            stack.stop()


if __name__ == "__main__":
    sys.exit(main())
