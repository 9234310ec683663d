"""Metric history in packed chunks: how a batch is added, and how a series is read back.

Adding is plain SQL, a fixed number of statements for any number of points: this is the hottest
path of the console, where building queries would cost more than running them.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import F

from console.runs.models import Attempt, MetricChunk, MetricSeries, Run
from console.runs.points import Points, by_step, decimate, pack, unpack

CHUNK_POINTS = 1024
"""a chunk of this many points or more is sealed; the next points start another"""
_KEYS_PER_QUERY = 500

_FIND = """
SELECT s.key, s.id, s.n, s.chunks, s.minimum, s.maximum, c.id, c.data, c.first_step, c.last_step
FROM runs_metricseries s LEFT JOIN runs_metricchunk c
ON c.series_id = s.id AND c.number = s.chunks AND c.attempt = %s AND c.n < %s
WHERE s.run_id = %s AND s.key IN ({keys})
"""
_UPDATE_SERIES = """
UPDATE runs_metricseries
SET n = %s, chunks = %s, minimum = %s, maximum = %s, last_step = %s, last_value = %s WHERE id = %s
"""
_UPDATE_CHUNK = """
UPDATE runs_metricchunk SET n = %s, first_step = %s, last_step = %s, data = %s WHERE id = %s
"""
_INSERT_CHUNK = """
INSERT INTO runs_metricchunk (series_id, number, attempt, start, n, first_step, last_step, data)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True)
class SeriesView:
    """What a chart draws. `total` counts the points taken in, `points` those to show."""

    key: str
    points: Points
    total: int


@dataclass
class _Known:
    """A series as it is before the batch, and its last chunk where that can still grow."""

    series: int
    n: int
    chunks: int
    minimum: float
    maximum: float
    chunk: int | None = None
    data: bytes = b""
    first_step: int = 0
    last_step: int = 0


def append(run_id: int, attempt: int, columns: Mapping[str, Points]) -> None:
    """Add points to a run's series. The caller holds the attempt's row, so nobody else adds to
    these series now."""
    known = _find(run_id, attempt, list(columns))
    fresh = [MetricSeries(run_id=run_id, key=key) for key in columns if key not in known]
    for row in MetricSeries.objects.bulk_create(fresh) if fresh else ():
        known[row.key] = _Known(row.pk, 0, 0, float("inf"), float("-inf"))
    series, grown, started = [], [], []
    for key, points in columns.items():
        row = known[key]
        low, high = min(points.steps), max(points.steps)
        if row.chunk is None:
            row.chunks += 1
            started.append(
                (row.series, row.chunks, attempt, row.n, len(points), low, high, pack(points))
            )
        else:
            together = unpack(row.data)
            together.extend(points)
            low, high = min(row.first_step, low), max(row.last_step, high)
            grown.append((len(together), low, high, pack(together), row.chunk))
        least, most = min(points.values), max(points.values)
        series.append(
            (
                row.n + len(points), row.chunks, min(row.minimum, least), max(row.maximum, most),
                points.steps[-1], points.values[-1], row.series,
            )
        )
    with connection.cursor() as cursor:
        for statement, rows in (
            (_UPDATE_CHUNK, grown), (_INSERT_CHUNK, started), (_UPDATE_SERIES, series)
        ):
            if rows:
                cursor.executemany(statement, rows)


def _find(run_id: int, attempt: int, keys: Sequence[str]) -> dict[str, _Known]:
    found: dict[str, _Known] = {}
    with connection.cursor() as cursor:
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            part = keys[start : start + _KEYS_PER_QUERY]
            statement = _FIND.format(keys=", ".join(["%s"] * len(part)))
            cursor.execute(statement, [attempt, CHUNK_POINTS, run_id, *part])
            for key, *rest in cursor.fetchall():
                found[key] = _Known(*rest)
    return found


def read(
    run: Run,
    keys: Sequence[str],
    *,
    points: int = 1000,
    first: int | None = None,
    last: int | None = None,
    after: Mapping[str, int] | None = None,
) -> list[SeriesView]:
    """The series in the order of their names, decimated to about `points` points each.

    `first` and `last` bound the step. `after` gives per key how many points the reader has: only
    later ones are returned, of keys not in it all.
    """
    series = list(MetricSeries.objects.filter(run=run, key__in=keys).order_by("key"))
    limits = superseded_after(run)
    parts = _parts(series, first, last, after or {})
    views = []
    for row in series:
        seen = (after or {}).get(row.key, 0)
        found = Points()
        for chunk in parts.get(row.pk, ()):
            found.extend(_visible(chunk, limits.get(chunk.attempt), first, last, seen))
        views.append(SeriesView(row.key, decimate(by_step(found), max(points // 2, 1)), row.n))
    return views


def read_across(runs: Sequence[Run], key: str, *, points: int) -> dict[int, Points]:
    """One metric of several runs by their primary key, each decimated to about `points` points.

    The same few queries for any number of runs. Runs without the metric are left out.
    """
    series = list(MetricSeries.objects.filter(run__in=runs, key=key))
    rewinds: dict[int, list[tuple[int, int | None]]] = {}
    attempts = Attempt.objects.filter(run__in=runs)
    for run, number, step in attempts.values_list("run_id", "number", "rewind_step"):
        rewinds.setdefault(run, []).append((number, step))
    parts = _parts(series, None, None, {})
    out = {}
    for row in series:
        limits = _limits(rewinds.get(row.run_id, ()))
        found = Points()
        for chunk in parts.get(row.pk, ()):
            found.extend(_visible(chunk, limits.get(chunk.attempt), None, None, 0))
        out[row.run_id] = decimate(by_step(found), max(points // 2, 1))
    return out


def superseded_after(run: Run) -> dict[int, int]:
    """Per attempt number the greatest step that still counts, where a later attempt went back."""
    return _limits(Attempt.objects.filter(run=run).values_list("number", "rewind_step"))


def _limits(rewinds: Iterable[tuple[int, int | None]]) -> dict[int, int]:
    limits: dict[int, int] = {}
    least: int | None = None
    for number, step in sorted(rewinds, reverse=True):
        if least is not None:
            limits[number] = least
        if step is not None:
            least = step if least is None else min(least, step)
    return limits


def _parts(
    series: Sequence[MetricSeries], first: int | None, last: int | None, after: Mapping[str, int]
) -> dict[int, list[MetricChunk]]:
    chunks = MetricChunk.objects.filter(series__in=series).order_by("series_id", "number")
    if first is not None:
        chunks = chunks.filter(last_step__gte=first)
    if last is not None:
        chunks = chunks.filter(first_step__lte=last)
    seen = {row.pk: after.get(row.key, 0) for row in series}
    if seen and min(seen.values()) > 0:
        # A live chart asks for the newest few points: leave the sealed history in the database.
        chunks = chunks.filter(start__gte=min(seen.values()) - F("n") + 1)
    parts: dict[int, list[MetricChunk]] = {}
    for chunk in chunks:
        if chunk.start + chunk.n > seen[chunk.series_id]:
            parts.setdefault(chunk.series_id, []).append(chunk)
    return parts


def _visible(
    chunk: MetricChunk, limit: int | None, first: int | None, last: int | None, seen: int
) -> Points:
    points = unpack(chunk.data)
    if seen > chunk.start:
        points = points.tail(seen - chunk.start)
    low = chunk.first_step if first is None else first
    high = min(x for x in (chunk.last_step, last, limit) if x is not None)
    if low <= chunk.first_step and high >= chunk.last_step:
        return points
    return points.take([i for i, step in enumerate(points.steps) if low <= step <= high])
