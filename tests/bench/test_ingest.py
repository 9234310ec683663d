"""Metric points per second from one client, and drawing a long series; beside MLflow's server.

Both answer over HTTP to an authenticated client, one request after the other, 1000 points each,
and both have committed to SQLite when they answer. Points per second of server CPU time are what
other load on the machine distorts least.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import ingest, mlflow_peer
from tests.bench.figures import Figures

SECONDS = 8.0


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """Our figures by shape of the request: 1000 x 1 and 100 x 10 points."""
    return {
        shape: ingest.measure(tmp_path_factory.mktemp("ours"), SECONDS, batch, values)
        for shape, batch, values in (("1000 x 1", 1000, 1), ("100 x 10", 100, 10))
    }


def test_our_ingest(ours: dict[str, dict[str, float]], figures: Figures) -> None:
    for shape, found in ours.items():
        n = int(found["points"])
        name = f"ours, {shape} points a request"
        figures(f"{name}: points/s", found["points_per_s"], "points/s", n, ">= 50,000")
        figures(f"{name}: points/server CPU-s", found["points_per_server_cpu_s"], "points/s", n)
        figures(f"{name}: request p50", found["request_ms_p50"], "ms", n // 1000)
        figures(f"{name}: request p95", found["request_ms_p95"], "ms", n // 1000)
    single = ours["1000 x 1"]
    figures("ours, one point a request: p50", single["single_ms_p50"], "ms", 100)
    figures("ours, one point a request: p95", single["single_ms_p95"], "ms", 100)
    figures("ours, 100,000 points drawn as 2000: p50", single["draw_ms_p50"], "ms", 20)
    figures("ours, 100,000 points drawn as 2000: p95", single["draw_ms_p95"], "ms", 20)
    figures("ours, 100,000 points drawn as 320: p50", single["draw_as_peer_ms_p50"], "ms", 20)


@pytest.mark.parametrize("workers", [None, 1], ids=["default", "1 worker"])
def test_the_same_against_mlflow(
    ours: dict[str, dict[str, float]], figures: Figures, tmp_path: Path, workers: int | None
) -> None:
    python = mlflow_peer.environment()
    if isinstance(python, str):
        pytest.skip(python)
    found = mlflow_peer.measure(python, tmp_path, workers)
    name = f"MLflow {found['version']}, {'default' if workers is None else '1 worker'}"
    for shape, own in ours.items():
        peer = found[shape]
        n, title = int(peer["points"]), f"{name}, {shape}"
        figures(f"{title}: points/s", peer["points_per_s"], "points/s", n)
        figures(f"{title}: points/server CPU-s", peer["points_per_server_cpu_s"], "points/s", n)
        figures(f"{title}: request p50", peer["request_ms_p50"], "ms", n // 1000)
        times = own["points_per_s"] / peer["points_per_s"]
        figures(f"ours / {title}: points/s", times, "x", n, ">= 8")
        times = own["points_per_server_cpu_s"] / peer["points_per_server_cpu_s"]
        figures(f"ours / {title}: points/server CPU-s", times, "x", n)
    single = ours["1000 x 1"]
    figures(f"{name}: sampled history of 100,000: p50", found["sampled_ms_p50"], "ms", 5)
    figures(f"{name}: full history of 100,000: p50", found["full_ms_p50"], "ms", 3)
    drawn = found["full_ms_p50"] / single["draw_ms_p50"]
    figures(f"ours / {name}: drawing, full history", drawn, "x", 3, ">= 10")
    sampled = found["sampled_ms_p50"] / single["draw_as_peer_ms_p50"]
    figures(f"ours / {name}: drawing, both 320 points", sampled, "x", 5, ">= 10")
