"""The demo's chain against a console that only has the public calls it makes."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from console.embedded import demo as demo_module
from console.embedded.api import Api, parse_run
from console.embedded.demo import RECIPES, STEPS, Demo, Step
from console.embedded.errors import StopRequested
from console.embedded.progress import Line, Screen, bar, clock, render, table

CHAIN = (
    Step("a", "First", "a.yaml"),
    Step("b", "Second", "b.yaml", {"dataset": "a/dataset"}),
    Step("c", "Third", "c.yaml", {"system.model": "b/model"}, after=("a",)),
)


@dataclass
class FakeApi:
    """Runs advance one state per question; `fails` names the filenames that end badly."""

    fails: set[str] = field(default_factory=set)
    refuses: set[str] = field(default_factory=set)
    launches: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)
    drop_first: bool = False
    url: str = ""

    def launch(self, body: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
        if body["filename"] in self.refuses:
            errors = [{"pointer": "/config", "detail": "unknown key"}]
            return 422, {"title": "Invalid", "detail": "The config is invalid.", "errors": errors}
        if key not in self.keys:
            self.keys.append(key)
            self.launches.append(body)
        return 201, {"uid": f"u{self.keys.index(key)}"}

    def run(self, uid: str) -> dict[str, Any]:
        count = self.asked[uid] = self.asked.get(uid, 0) + 1
        name = self.launches[int(uid[1:])]["filename"]
        if count == 1:
            return {"uid": uid, "state": "queued", "waiting_reason": "no worker yet"}
        if count == 2:
            progress = {"done": 3, "total": 4, "unit": "images"}
            return {"uid": uid, "state": "running", "progress": progress}
        if name in self.fails:
            said = {"reason_sentence": "the data is invalid", "hint": "Fix it."}
            return {"uid": uid, "state": "failed", "error": {"message": "3 of 9."}, **said}
        headline = {"f1_50": {"value": 0.6251, "unit": "", "n": 9}, "n": {"value": 3, "unit": "x"}}
        return {"uid": uid, "state": "succeeded", "headline": headline}


@contextmanager
def serving(fake: FakeApi) -> Iterator[FakeApi]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = fake.launch(body, self.headers["Idempotency-Key"])
            if fake.drop_first:
                fake.drop_first = False
                self.connection.close()
                return
            self.reply(status, json.dumps(answer).encode())

        def do_GET(self) -> None:
            parts = self.path.partition("?")[0].strip("/").split("/")
            if parts[-1] == "log":
                self.reply(200, b'{"text": "line one\\nValueError: broken\\n"}')
            else:
                self.reply(200, json.dumps(fake.run(parts[-1])).encode())

        def reply(self, status: int, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(demo_module, "POLL_S", 0.01)
    for step in CHAIN:
        (tmp_path / step.recipe).write_text(f"kind: {step.key}\n")
    return tmp_path


def make_demo(fake: FakeApi, recipes: Path, stop: threading.Event | None = None) -> Demo:
    screen = Screen(io.StringIO(), live=False)
    return Demo(Api(fake.url, "token", "demo"), screen, stop or threading.Event(), CHAIN, recipes)


def test_each_step_gets_the_outputs_of_the_steps_it_needs(recipes: Path) -> None:
    with serving(FakeApi()) as fake:
        demo = make_demo(fake, recipes)
        assert demo.run()
    assert [b["filename"] for b in fake.launches] == ["a.yaml", "b.yaml", "c.yaml"]
    assert [b["inputs"] for b in fake.launches] == [
        {}, {"dataset": "run:u0/dataset"}, {"system.model": "run:u1/model"},
    ]
    assert fake.launches[0]["config"] == "kind: a\n"
    assert "f1_50 0.625, n 3 x" in demo.table()


def test_a_failed_step_stops_what_needs_it_and_is_explained(recipes: Path) -> None:
    with serving(FakeApi(fails={"b.yaml"})) as fake:
        demo = make_demo(fake, recipes)
        assert not demo.run()
        report = demo.failure_report()
    assert len(fake.launches) == 2
    assert "Second failed: the data is invalid: 3 of 9." in report
    assert "Hint: Fix it." in report
    assert "ValueError: broken" in report
    assert "not run" in demo.table()


def test_a_refused_launch_shows_the_reasons(recipes: Path) -> None:
    with serving(FakeApi(refuses={"a.yaml"})) as fake:
        demo = make_demo(fake, recipes)
        assert not demo.run()
    assert "/config: unknown key" in demo.failure_report()


def test_a_launch_whose_answer_was_lost_is_not_launched_twice(recipes: Path) -> None:
    with serving(FakeApi(drop_first=True)) as fake:
        assert make_demo(fake, recipes).run()
    assert len(fake.launches) == 3


def test_ctrl_c_ends_the_chain(recipes: Path) -> None:
    stop = threading.Event()
    stop.set()
    with serving(FakeApi()) as fake, pytest.raises(StopRequested):
        make_demo(fake, recipes, stop).run()


def test_the_shipped_chain_only_names_steps_that_come_before() -> None:
    seen: set[str] = set()
    for step in STEPS:
        assert step.needs <= seen
        seen.add(step.key)
    assert {step.recipe for step in STEPS} <= {path.name for path in RECIPES.glob("*.yaml")}


def test_a_bar_is_full_at_the_end_and_never_longer() -> None:
    assert bar(0.0, 4) == "░░░░"
    assert bar(0.5, 4) == "██░░"
    assert bar(7.0, 4) == "████"
    assert len(bar(None, 4)) == 4
    assert clock(187) == "3:07"


def test_a_live_screen_redraws_in_place_and_fits_the_terminal() -> None:
    out = io.StringIO()
    screen = Screen(out, live=True)
    line = Line("Train", "running", 0.5, "a note " * 40, 61.0)
    screen.show([line])
    screen.show([line])
    screen.finish(Line("Train", "succeeded", None, "loss 0.1", 62.0))
    assert out.getvalue().count("\x1b[1A") == 2
    assert out.getvalue().splitlines()[-1].startswith("\x1b[1A\x1b[J✓ Train")
    assert len(render(line, 60)) < 60


def test_a_pipe_gets_a_line_only_when_something_changed() -> None:
    out = io.StringIO()
    screen = Screen(out, live=False)
    for _ in range(5):
        screen.show([Line("Train", "running", 0.5, "1/2 steps", 61.0)])
    screen.show([Line("Train", "cancelling", 0.5, "", 62.0)])
    assert out.getvalue().splitlines() == [
        "  Train: running 50% after 1:01 1/2 steps", "  Train: cancelling 50% after 1:02",
    ]
    assert "\x1b" not in out.getvalue()


def test_a_table_lines_up_its_columns() -> None:
    lines = table(("step", "state"), [("a long name", "ok"), ("b", "failed")]).splitlines()
    assert lines[0].index("state") == lines[2].index("ok") == lines[3].index("failed")


def test_figures_read_well() -> None:
    headline = {
        "images": {"value": 1128, "unit": "images"},
        "parse_rate": {"value": 0.9781, "unit": "share"},
        "loss": {"value": 0.41234, "unit": "nats/token"},
        "ap": {"value": None, "unit": "share"},
    }
    run = parse_run({"uid": "x", "state": "succeeded", "headline": headline})
    assert run.figures == (
        ("images", "1,128"), ("parse_rate", "97.8%"), ("loss", "0.412 nats/token"), ("ap", "-"),
    )


def test_a_run_without_progress_or_figures_parses() -> None:
    run = parse_run({"uid": "x", "state": "queued", "progress": None, "headline": None})
    assert run.active
    assert run.figures == ()
