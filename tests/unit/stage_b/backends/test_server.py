"""A real HTTP server that speaks the chat interface, well and badly."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mlcore.chat.messages import Turn
from mlcore.coordjson.pieces import Piece
from mlcore.errors import ConfigError, InfrastructureError
from mlcore.stage_b.backends import server
from mlcore.stage_b.backends.config import ServerBackend
from mlcore.stage_b.backends.protocol import Question
from mlcore.stage_b.backends.server import ServerWriter
from mlcore.stage_b.ticket import Decode

DECODE = Decode(0.7, 0.9, 64, stop=("STOP",))


class Handler(BaseHTTPRequestHandler):
    """Answers with the seed it was given; fails as often as `failures` says first."""

    failures: list[int] = []
    seen: list[dict[str, Any]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append({"path": self.path, "key": self.headers["Authorization"], **body})
        status = self.failures.pop(0) if self.failures else 200
        text = f"{body['messages'][-1]['content']}/{body['seed']}STOP and more"
        value = {
            "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": len(body["messages"][-1]["content"]),
                "completion_tokens": 3,
            },
        }
        said = json.dumps(value if status == 200 else {"error": "no"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests are quiet."""


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(server, "_FIRST_WAIT_S", 0.001)
    Handler.failures, Handler.seen = [], []
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}/v1"
    httpd.shutdown()
    httpd.server_close()


def writer(url: str, **changes: Any) -> ServerWriter:
    values: dict[str, Any] = {"type": "server", "url": url, "model": "m", "tries": 3, **changes}
    return ServerWriter(ServerBackend.model_validate(values), seed=5, max_prompt_tokens=8)


def question(name: str, draw: int = 0) -> Question:
    return Question(name, (Turn("user", (Piece("text", name),)),), draw)


def test_answers_come_in_order_and_each_has_its_own_seed(url: str) -> None:
    asked = [question(f"q{i}") for i in range(6)] + [question("q0", draw=1)]
    together = writer(url).answer(asked, DECODE)
    alone = [writer(url).answer([one], DECODE)[0] for one in reversed(asked)]
    assert together == list(reversed(alone))
    assert [r.text.partition("/")[0] for r in together if r.text] == [q.name for q in asked]
    assert len({r.text for r in together}) == 7
    assert all("STOP" not in (r.text or "") for r in together)


def test_a_tired_server_is_asked_again(url: str) -> None:
    Handler.failures = [503, 429]
    (reply,) = writer(url).answer([question("q")], DECODE)
    assert reply.text
    assert len(Handler.seen) == 3


def test_a_server_that_stays_away_stops_the_run_as_infrastructure(url: str) -> None:
    Handler.failures = [503] * 3
    with pytest.raises(InfrastructureError, match="3 tries: 503") as caught:
        writer(url).answer([question("q")], DECODE)
    assert caught.value.retryable
    with pytest.raises(InfrastructureError, match="1 tries"):
        writer("http://127.0.0.1:9/v1", tries=1, timeout_s=1.0).answer([question("q")], DECODE)


def test_a_refused_request_is_a_matter_of_the_config(url: str) -> None:
    Handler.failures = [404]
    with pytest.raises(ConfigError, match="404"):
        writer(url).answer([question("q")], DECODE)


def test_a_prompt_over_the_limit_gets_no_answer(url: str) -> None:
    (reply,) = writer(url).answer([question("a long question")], DECODE)
    assert reply.text is None
    assert "most is 8" in reply.problem


def test_the_key_comes_from_the_environment_alone(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="JUDGE_KEY is not set"):
        writer(url, key_variable="JUDGE_KEY")
    monkeypatch.setenv("JUDGE_KEY", "s3")
    writer(url, key_variable="JUDGE_KEY").answer([question("q")], DECODE)
    assert Handler.seen[-1]["key"] == "Bearer s3"
