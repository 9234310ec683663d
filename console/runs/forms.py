"""The JSON forms of runs."""
from __future__ import annotations

from typing import Any

from rest_framework import serializers

from console.runs import queries, services
from console.runs.models import Artifact, Attempt, Run, RunEvent, Sample
from console.web import states


class _Form(serializers.Serializer[Any]):
    pass


class ProgressSerializer(_Form):
    done = serializers.FloatField(source="progress_done", allow_null=True)
    total = serializers.FloatField(source="progress_total", allow_null=True)
    unit = serializers.CharField(source="progress_unit")


class RunSerializer(serializers.ModelSerializer[Run]):
    """A run as a list shows it."""

    project = serializers.CharField(source="project.slug")
    progress = ProgressSerializer(source="*")
    created_by = serializers.CharField(source="created_by.username", default=None)
    host = serializers.CharField(source="folder_host.name", default=None)
    parent = serializers.CharField(source="parent.uid", default=None)
    tags = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Run
        fields: tuple[str, ...] = (
            "uid", "project", "kind", "name", "state", "reason", "queue", "priority", "phase",
            "message", "progress", "headline", "inputs", "tags", "note", "pinned", "created_by",
            "created", "started", "ended", "updated", "version", "attempt_number", "host",
            "parent", "parent_relation", "config_sha256", "config_ref",
        )
        read_only_fields = fields


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    host = serializers.CharField(source="host.name", default=None)

    class Meta:
        model = Attempt
        fields = (
            "number", "state", "reason", "exit_code", "host", "worker", "pid", "gpus", "last_seq",
            "log_size", "started", "ended", "last_event",
        )
        read_only_fields = fields


class ErrorSerializer(_Form):
    code = serializers.CharField()
    message = serializers.CharField()
    hint = serializers.CharField()
    where = serializers.CharField()


class RunDetailSerializer(RunSerializer):
    """A run with its config, report and attempts."""

    error = serializers.SerializerMethodField()
    reason_sentence = serializers.SerializerMethodField()
    hint = serializers.SerializerMethodField()
    waiting_reason = serializers.SerializerMethodField()
    can_resume = serializers.SerializerMethodField()
    settings = serializers.DictField()
    report = serializers.JSONField()
    manifest = serializers.JSONField()
    attempts = AttemptSerializer(many=True)

    class Meta(RunSerializer.Meta):
        fields = (
            *RunSerializer.Meta.fields, "error", "reason_sentence", "hint", "waiting_reason",
            "can_resume", "cancel_requested_at", "config_text", "config_filename",
            "config_resolved", "config_provenance", "settings", "report", "manifest", "attempts",
        )
        read_only_fields = fields

    def get_error(self, run: Run) -> dict[str, str] | None:
        return run.error or None

    def get_reason_sentence(self, run: Run) -> str:
        return states.reason_sentence(run.reason) if run.reason else ""

    def get_hint(self, run: Run) -> str:
        return str(run.error.get("hint") or "") or states.hint_of(run.reason)

    def get_waiting_reason(self, run: Run) -> str:
        return queries.waiting_reason(run)

    def get_can_resume(self, run: Run) -> bool:
        return services.can_resume(run) == ""


class LaunchSerializer(_Form):
    config = serializers.CharField(
        trim_whitespace=False, max_length=1_000_000, required=False, help_text="the YAML text"
    )
    config_ref = serializers.CharField(
        required=False, help_text="NAME@VERSION of a saved config, instead of `config`"
    )
    filename = serializers.CharField(required=False, max_length=160)
    name = serializers.CharField(required=False, max_length=120, allow_blank=True)
    inputs = serializers.DictField(
        child=serializers.CharField(), required=False,
        help_text="references by the dotted path of the config's input fields",
    )
    set = serializers.DictField(required=False, help_text="runtime keys by dotted path")
    priority = serializers.IntegerField(required=False)
    queue = serializers.CharField(required=False, allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    note = serializers.CharField(required=False, allow_blank=True, max_length=4000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "config" in attrs and "config_ref" in attrs:
            detail = "Send config or config_ref, not both."
            raise serializers.ValidationError({"config_ref": detail})
        return attrs


class EditSerializer(_Form):
    name = serializers.CharField(required=False, max_length=120)
    note = serializers.CharField(required=False, allow_blank=True, max_length=4000)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    priority = serializers.IntegerField(required=False)
    pinned = serializers.BooleanField(required=False)


class SeriesNameSerializer(_Form):
    key = serializers.CharField()
    n = serializers.IntegerField()
    last_step = serializers.IntegerField()
    last_value = serializers.FloatField()
    minimum = serializers.FloatField()
    maximum = serializers.FloatField()


class SeriesSerializer(_Form):
    key = serializers.CharField()
    steps = serializers.ListField(child=serializers.IntegerField())
    values = serializers.ListField(child=serializers.FloatField())
    times = serializers.ListField(child=serializers.FloatField())
    total = serializers.IntegerField(help_text="points taken in, superseded ones too")


class MetricsSerializer(_Form):
    available = SeriesNameSerializer(many=True)
    series = SeriesSerializer(many=True)
    cursor = serializers.CharField(help_text="pass as `after` to get only later points")
    reset = serializers.BooleanField(
        help_text="true when points that were given before are superseded: draw anew"
    )


class LogSerializer(_Form):
    attempt = serializers.IntegerField()
    offset = serializers.IntegerField()
    next_offset = serializers.IntegerField()
    size = serializers.IntegerField()
    text = serializers.CharField()


class EventSerializer(serializers.ModelSerializer[RunEvent]):
    attempt = serializers.IntegerField(source="attempt.number")

    class Meta:
        model = RunEvent
        fields = ("id", "attempt", "seq", "time", "type", "body")
        read_only_fields = fields


class SampleSerializer(serializers.ModelSerializer[Sample]):
    attempt = serializers.IntegerField(source="attempt.number")

    class Meta:
        model = Sample
        fields = (
            "id", "attempt", "step", "name", "image_sha", "width", "height", "truth",
            "prediction", "raw", "note", "created",
        )
        read_only_fields = fields


class ArtifactSerializer(serializers.ModelSerializer[Artifact]):
    class Meta:
        model = Artifact
        fields = ("id", "name", "path", "sha256", "size", "media", "created")
        read_only_fields = fields


class _ComparedKey(_Form):
    path = serializers.CharField()
    values = serializers.ListField(child=serializers.JSONField(allow_null=True))
    present = serializers.ListField(child=serializers.BooleanField())
    differs = serializers.ListField(child=serializers.BooleanField())


class _ComparedFigure(_Form):
    name = serializers.CharField()
    unit = serializers.CharField()
    values = serializers.ListField(child=serializers.FloatField(allow_null=True))
    deltas = serializers.ListField(child=serializers.FloatField(allow_null=True))
    n = serializers.ListField(child=serializers.IntegerField(allow_null=True))


class ComparisonSerializer(_Form):
    """Lists over the runs in their order; only keys in which they differ."""

    runs = serializers.ListField(child=serializers.CharField())
    base = serializers.CharField()
    keys = _ComparedKey(many=True)  # type: ignore[assignment]
    figures = _ComparedFigure(many=True)


class WaitingSerializer(_Form):
    state = serializers.CharField()
    waiting_reason = serializers.CharField()
