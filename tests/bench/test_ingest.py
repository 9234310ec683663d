"""Metric points per second from one client, and drawing a long series; beside MLflow's server.

Both answer over HTTP to an authenticated client, one request after the other, 1000 points each,
and both have committed to SQLite when they answer. The two take turns, so that other load on the
machine meets both alike; points per second of server CPU time are what it distorts least.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import ingest, mlflow_peer
from tests.bench.figures import Figures, median

SHAPES = {"1000 x 1": (1000, 1), "100 x 10": (100, 10)}
"""events and values per event of a request of 1000 points"""
SECONDS = 6.0
ROUNDS = 5
TURN_S = 1.5


def test_our_ingest(figures: Figures, tmp_path: Path) -> None:
    with ingest.opened(tmp_path) as (host, api, attempt, pid):
        for shape, (batch, values) in SHAPES.items():
            found = ingest.ingest(host, attempt, pid, SECONDS, batch, values)
            n = int(found["points"])
            name = f"ours, {shape} points a request"
            figures(f"{name}: points/s", found["points_per_s"], "points/s", n, ">= 50,000")
            figures(f"{name}: points/server CPU-s", found["points_per_server_cpu_s"], "points/s", n)
            figures(f"{name}: request p50", found["request_ms_p50"], "ms", n // 1000)
            figures(f"{name}: request p95", found["request_ms_p95"], "ms", n // 1000)
        single = ingest.singles(host, attempt)
        drawn = ingest.draw(api, host, attempt, pid)
    figures("ours, one point a request: p50", single["single_ms_p50"], "ms", 100)
    figures("ours, one point a request: p95", single["single_ms_p95"], "ms", 100)
    figures("ours, 100,000 points drawn as 2000: p50", drawn["draw_ms_p50"], "ms", 20)
    figures("ours, 100,000 points drawn as 2000: p95", drawn["draw_ms_p95"], "ms", 20)
    figures("ours, 100,000 points drawn as 320: p50", drawn["draw_as_peer_ms_p50"], "ms", 20)


@pytest.mark.parametrize("workers", [None, 1], ids=["default", "1 worker"])
def test_the_same_against_mlflow(figures: Figures, tmp_path: Path, workers: int | None) -> None:
    python = mlflow_peer.environment()
    if isinstance(python, str):
        pytest.skip(python)
    name = f"MLflow {mlflow_peer.VERSION}, {'default' if workers is None else '1 worker'}"
    (tmp_path / "ours").mkdir()
    (tmp_path / "peer").mkdir()
    with (
        ingest.opened(tmp_path / "ours") as (host, api, attempt, pid),
        mlflow_peer.opened(python, tmp_path / "peer", workers) as (peer, run, peer_pid),
    ):
        for shape, (batch, values) in SHAPES.items():
            keys = ["bench"] if values == 1 else [f"bench/{n}" for n in range(values)]
            points = (mlflow_peer.POINTS if values == 1 else mlflow_peer.POINTS // 2) // ROUNDS
            own, other = [], []
            for turn in range(ROUNDS):
                own.append(ingest.ingest(host, attempt, pid, TURN_S, batch, values))
                start = turn * points // values
                other.append(mlflow_peer.ingest(peer, run, peer_pid, keys, start, points))
            compare(figures, f"{name}, {shape}", own, other)
        drawn = ingest.draw(api, host, attempt, pid)
        sampled = [1000 * mlflow_peer.sampled_history(peer, run) for _ in range(5)]
        full = [1000 * mlflow_peer.full_history(peer, run) for _ in range(3)]
    figures(f"{name}: sampled history of 100,000: p50", median(sampled), "ms", 5)
    figures(f"{name}: full history of 100,000: p50", median(full), "ms", 3)
    times = median(full) / drawn["draw_ms_p50"]
    figures(f"ours / {name}: drawing, full history", times, "x", 3, ">= 10")
    times = median(sampled) / drawn["draw_as_peer_ms_p50"]
    figures(f"ours / {name}: drawing, both 320 points", times, "x", 5, ">= 10")


def compare(
    figures: Figures, title: str, own: list[dict[str, float]], peer: list[dict[str, float]]
) -> None:
    """Medians over the turns, and the median of their ratios."""
    n = int(sum(turn["points"] for turn in peer))
    for key, unit, short in (
        ("points_per_s", "points/s", "points/s"),
        ("points_per_server_cpu_s", "points/s", "points/server CPU-s"),
    ):
        figures(f"{title}: {short}", median([turn[key] for turn in peer]), unit, n)
        figures(f"{title}: {short}, ours beside it", median([t[key] for t in own]), unit, n)
        ratios = [ours[key] / theirs[key] for ours, theirs in zip(own, peer, strict=True)]
        target = ">= 8" if key == "points_per_s" else ""
        figures(f"ours / {title}: {short}", median(ratios), "x", len(ratios), target)
