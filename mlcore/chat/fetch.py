"""Fetching an image by http(s), for people at a command line who asked for it.

Limited in size, time and redirects. Only hosts whose every address is public are spoken to, and
the connection goes to the address that was checked, so a name cannot change its mind in between.
"""
from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from mlcore.errors import DataError

CHUNK = 65536
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Fetcher:
    """`fetcher(url)` gives the bytes. Raises DataError on a refusal, a limit or a failure."""

    max_bytes: int = 32 * 1024 * 1024
    max_redirects: int = 3
    seconds: float = 20.0
    """for everything together"""
    private: bool = False
    """whether hosts inside a network may be spoken to"""

    def __call__(self, url: str) -> bytes:
        deadline = time.monotonic() + self.seconds
        at = url
        for _ in range(self.max_redirects + 1):
            found = self._one(at, deadline)
            if isinstance(found, bytes):
                return found
            if urlsplit(at).scheme == "https" and urlsplit(found).scheme != "https":
                raise DataError("a redirect leads from https to an open connection", where=url)
            at = found
        raise DataError(f"more than {self.max_redirects} redirects", where=url)

    def _one(self, url: str, deadline: float) -> bytes | str:
        """The body, or the address that the server sends on to."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise DataError("not an http(s) URL without credentials", where=url)
        connection = self._connect(parts, url, deadline)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path, headers={"Host": parts.netloc, "Accept": "image/*"})
            response = connection.getresponse()
            if response.status in REDIRECTS:
                return urljoin(url, response.headers.get("Location", ""))
            if response.status != 200:
                raise DataError(f"the server answers {response.status}", where=url)
            return self._body(response, url, deadline)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise DataError(f"cannot fetch the image: {error}", where=url) from error
        finally:
            connection.close()

    def _body(self, response: http.client.HTTPResponse, url: str, deadline: float) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while chunk := response.read1(CHUNK):
            size += len(chunk)
            if size > self.max_bytes:
                raise DataError(f"the image has more than {self.max_bytes} bytes", where=url)
            if time.monotonic() > deadline:
                raise DataError(f"the image took more than {self.seconds:g} s", where=url)
            chunks.append(chunk)
        return b"".join(chunks)

    def _connect(
        self, parts: SplitResult, url: str, deadline: float
    ) -> http.client.HTTPConnection:
        host = parts.hostname or ""
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = [str(row[4][0]) for row in rows]
            if not self.private and not all(_is_public(address) for address in addresses):
                raise DataError(
                    f"{host} is not a public host",
                    hint="Give --allow-private-hosts to fetch from inside a network.", where=url,
                )
            left = max(deadline - time.monotonic(), 0.001)
            raw = socket.create_connection((addresses[0], port), timeout=left)
            if parts.scheme == "https":
                raw = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
        except (OSError, ValueError) as error:
            raise DataError(f"cannot fetch the image: {error}", where=url) from error
        connection = http.client.HTTPConnection(host, port)
        connection.sock = raw
        return connection


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    checked = mapped or found
    return checked.is_global and not checked.is_multicast
