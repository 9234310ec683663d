"""The JSON forms of the host API."""
from __future__ import annotations

from typing import Any

from rest_framework import serializers

from console.catalog.blobs import SHA256

MAX_HASHES = 10_000


class _Form(serializers.Serializer[Any]):
    pass


def _names(most: int = 40) -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(max_length=64), max_length=most)


class GpuSerializer(_Form):
    index = serializers.IntegerField(min_value=0)
    name = serializers.CharField(max_length=200)
    memory_mb = serializers.IntegerField(min_value=0)


class HelloSerializer(_Form):
    host = serializers.CharField(max_length=120)
    boot_id = serializers.CharField(max_length=64)
    worker = serializers.CharField(max_length=160)
    queues = _names()
    gpus = GpuSerializer(many=True, default=list)
    kinds = _names(200)
    slots = serializers.IntegerField(min_value=1, max_value=1000)
    version = serializers.CharField(max_length=40, default="", allow_blank=True)
    roots = serializers.ListField(
        child=serializers.CharField(max_length=1000), max_length=100, default=list,
        help_text="folders below which its jobs may read by path",
    )


class WelcomeSerializer(_Form):
    host_id = serializers.CharField()
    heartbeat_s = serializers.IntegerField()
    lease_s = serializers.IntegerField()


class ClaimSerializer(_Form):
    host_id = serializers.IntegerField()
    worker = serializers.CharField(max_length=160)
    queues = _names()
    kinds = _names(200)


class FileSerializer(_Form):
    path = serializers.CharField(max_length=400)
    sha256 = serializers.RegexField(SHA256.pattern, max_length=64)
    size = serializers.IntegerField(min_value=0)


class BindingSerializer(_Form):
    ref = serializers.CharField()
    digest = serializers.CharField()
    files = FileSerializer(many=True)


class ClaimedRunSerializer(_Form):
    uid = serializers.CharField()
    kind = serializers.CharField()
    name = serializers.CharField()
    project = serializers.CharField()


class ClaimedAttemptSerializer(_Form):
    id = serializers.IntegerField()
    number = serializers.IntegerField()
    lease = serializers.UUIDField()
    lease_expires = serializers.DateTimeField()
    gpus = serializers.ListField(child=serializers.IntegerField(), allow_null=True)


class SourceSerializer(_Form):
    path = serializers.CharField()
    text = serializers.CharField()


class ClaimedConfigSerializer(_Form):
    filename = serializers.CharField()
    text = serializers.CharField()
    sources = SourceSerializer(many=True)


class EarlierSerializer(_Form):
    id = serializers.IntegerField()
    number = serializers.IntegerField()
    last_seq = serializers.IntegerField()
    log_size = serializers.IntegerField()


class ClaimedSerializer(_Form):
    run = ClaimedRunSerializer()
    attempt = ClaimedAttemptSerializer()
    config = ClaimedConfigSerializer()
    set = serializers.DictField()
    bindings = BindingSerializer(many=True)
    resume = serializers.BooleanField()
    earlier = EarlierSerializer(
        many=True, help_text="attempts before this one; what they left unsaid may be sent for them"
    )


class HeartbeatSerializer(_Form):
    lease = serializers.CharField(max_length=64)
    pid = serializers.IntegerField(min_value=1, allow_null=True, default=None)
    pgid = serializers.IntegerField(min_value=1, allow_null=True, default=None)


class BeatSerializer(_Form):
    cancel = serializers.BooleanField()
    lease_expires = serializers.DateTimeField()


class EventsSerializer(_Form):
    lease = serializers.CharField(max_length=64)
    events = serializers.ListField(child=serializers.DictField())


class LastSeqSerializer(_Form):
    last_seq = serializers.IntegerField()


class OffsetSerializer(_Form):
    offset = serializers.IntegerField()


class OutputSerializer(_Form):
    """Its files are in a blob named by the digest: the tree's listing, canonical JSON."""

    name = serializers.RegexField(r"^[\w.-]+$", max_length=64)
    type = serializers.RegexField(r"^[\w-]+$", max_length=32)
    digest = serializers.RegexField(SHA256.pattern, max_length=64)


class FinishSerializer(_Form):
    lease = serializers.CharField(max_length=64)
    exit_code = serializers.IntegerField(min_value=-255, max_value=255)
    last_seq = serializers.IntegerField(min_value=0, default=0)
    report = serializers.DictField(allow_null=True, default=None)
    manifest = serializers.DictField(allow_null=True, default=None)
    outputs = OutputSerializer(many=True, default=list)


class StateSerializer(_Form):
    state = serializers.CharField()


class HashesSerializer(_Form):
    sha256 = serializers.ListField(
        child=serializers.RegexField(SHA256.pattern, max_length=64), max_length=MAX_HASHES
    )


class MissingSerializer(_Form):
    missing = serializers.ListField(child=serializers.CharField())


class TickedSerializer(_Form):
    reaped = serializers.IntegerField()
    woken = serializers.IntegerField()
