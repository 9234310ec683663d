"""The Celery application. Messages only wake workers; the console's database is the truth.

Task messages are acknowledged before the work starts and carry nothing, so a lost, doubled or
late message changes nothing and no visibility timeout can start a running job twice.
"""
from __future__ import annotations

import os
from typing import Any

from celery import Celery

TICK_S = 5.0
"""how often the console is asked to do its periodic work"""


def tick_schedule(every_s: float) -> dict[str, Any]:
    """Celery's beat schedule with the one periodic task; a late tick is dropped, not piled up."""
    options = {"queue": "control", "expires": every_s}
    return {"tick": {"task": "jobs.tick", "schedule": every_s, "options": options}}


# No fixups: Celery would load Django wherever DJANGO_SETTINGS_MODULE happens to be set.
app = Celery(
    "jobs", broker=os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/0", fixups=[]
)
app.conf.update(
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    result_backend=None,
    task_ignore_result=True,
    task_acks_late=False,
    task_reject_on_worker_lost=False,
    worker_disable_prefetch=True,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    worker_enable_remote_control=True,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={"visibility_timeout": 3600, "socket_keepalive": True},
    task_time_limit=None,
    task_soft_time_limit=None,
    task_default_queue="cpu",
    task_create_missing_queues=True,
    task_routes={"jobs.tick": {"queue": "control"}},
    include=["jobs.tasks"],
    timezone="UTC",
)
