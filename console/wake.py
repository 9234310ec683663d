"""Wakes workers by task name. A producer only: the console never imports the package of the jobs.

A message carries no decision and may be lost; the periodic work wakes again. So a broker that is
away never fails a launch.
"""
from __future__ import annotations

import logging

from celery import Celery
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

log = logging.getLogger(__name__)
TASK = "jobs.wake"
EXPIRES_S = 120
"""a wake-up that nobody took for this long says nothing any more"""

app = Celery("console", broker=settings.REDIS_URL or "memory://", set_as_current=False)
app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    result_backend=None,
    task_ignore_result=True,
    task_create_missing_queues=True,
    broker_connection_timeout=2,
    broker_transport_options={
        "socket_connect_timeout": 2, "socket_timeout": 2, "visibility_timeout": 3600,
    },
)


def wake(queue: str, count: int = 1) -> int:
    """Send `count` wake-ups to a queue now; returns how many the broker took."""
    if not settings.REDIS_URL:
        return 0
    for sent in range(count):
        try:
            app.send_task(TASK, queue=queue, retry=False, ignore_result=True, expires=EXPIRES_S)
        except (OperationalError, RedisError, OSError) as error:
            log.warning("the broker took no wake-up", extra={"queue": queue, "error": str(error)})
            return sent
    return count


def wake_on_commit(queue: str) -> None:
    """Wake a worker of the queue once the open transaction is committed."""
    transaction.on_commit(lambda: wake(queue))
