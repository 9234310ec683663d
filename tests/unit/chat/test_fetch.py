"""Fetching images from a server on this machine."""
from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from mlcore.chat.fetch import Fetcher, _is_public
from mlcore.chat.payloads import load_image
from mlcore.errors import DataError
from tests.support.scenes import make_image

ARRAY = make_image(5, 64, 32)


class Quiet(ThreadingHTTPServer):
    """A client that hangs up is part of these tests."""

    def handle_error(self, *_: object) -> None:
        return None


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        kind = self.path.strip("/").partition("?")[0]
        if kind == "around":
            return self._redirect("/around")
        if kind == "once":
            return self._redirect("image.png")
        if kind == "away":
            return self._redirect("file:///etc/hostname")
        self.send_response(404 if kind == "gone" else 200)
        self.end_headers()
        if kind == "slow":
            for _ in range(30):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
        elif kind == "big":
            self.wfile.write(b"x" * 5000)
        else:
            Image.fromarray(ARRAY).save(buffer := io.BytesIO(), "PNG")
            self.wfile.write(buffer.getvalue())
        return None

    def _redirect(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    server = Quiet(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_an_image_is_fetched_and_redirects_are_followed(base: str) -> None:
    fetch = Fetcher(private=True)
    for path in ("/image.png?x=1", "/once"):
        assert np.array_equal(load_image(base + path, None, "x", fetch), ARRAY)


@pytest.mark.parametrize(
    ("path", "message"),
    [("/gone", "answers 404"), ("/around", "more than 3 redirects"), ("/away", "not an http"),
     ("/big", "more than 1000 bytes"), ("/slow", "more than 0.4 s")],
)
def test_limits_and_failures_name_the_address(base: str, path: str, message: str) -> None:
    fetch = Fetcher(private=True, max_bytes=1000, seconds=0.4)
    with pytest.raises(DataError, match=message) as caught:
        fetch(base + path)
    assert base in caught.value.where or "file:" in caught.value.where


def test_hosts_inside_a_network_are_refused_unless_asked_for(base: str) -> None:
    for url in (base, base.replace("127.0.0.1", "localhost"), "http://[::1]:1/x"):
        with pytest.raises(DataError, match="not a public host") as caught:
            Fetcher()(url)
        assert "--allow-private-hosts" in caught.value.hint


@pytest.mark.parametrize(
    "url", ["ftp://x/y", "http:///y", "http://me:secret@127.0.0.1/y", "https://127.0.0.1:99999/"]
)
def test_addresses_that_cannot_be_meant_are_refused(url: str) -> None:
    with pytest.raises(DataError):
        Fetcher(private=True)(url)


def test_a_server_that_is_not_there_is_an_error_in_the_data() -> None:
    with pytest.raises(DataError, match="cannot fetch"):
        Fetcher(private=True, seconds=2)("http://127.0.0.1:9/x.png")


@pytest.mark.parametrize(
    ("address", "public"),
    [("8.8.8.8", True), ("2606:4700::1111", True), ("10.0.0.1", False), ("192.168.1.1", False),
     ("169.254.169.254", False), ("::1", False), ("fe80::1%eth0", False), ("224.0.0.1", False),
     ("::ffff:10.0.0.1", False), ("0.0.0.0", False), ("100.64.0.1", False)],
)
def test_public_addresses_are_told_from_others(address: str, public: bool) -> None:
    assert _is_public(address) is public
