"""What the review API takes and gives."""
from __future__ import annotations

from typing import Any

from rest_framework import serializers

from console.reviews.deciding import MAX_ACTIVE_MS, MAX_COMMENT
from console.reviews.models import Export, GoldItem, Operation, ReviewPolicy
from console.reviews.states import Decision, Kind, State

VERDICTS = ["pass", "fail"]
DECISIONS = [str(value) for value in Decision]


class TicketImageSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="from 1")
    name = serializers.CharField()
    missing = serializers.BooleanField()
    width = serializers.IntegerField(allow_null=True, help_text="pixels")
    height = serializers.IntegerField(allow_null=True, help_text="pixels")
    summary = serializers.CharField()
    truth = serializers.ListField(child=serializers.DictField(), help_text="objects, in pixels")
    prediction = serializers.ListField(child=serializers.DictField(), help_text="as truth")
    predicted_by = serializers.CharField(help_text="uid of the run; empty: not known")
    thumb = serializers.CharField(help_text="for five minutes and this person only")
    preview = serializers.CharField()
    large = serializers.CharField()
    original = serializers.CharField()


class ModelWordSerializer(serializers.Serializer[Any]):
    verdict = serializers.CharField()
    reason = serializers.CharField()
    margin = serializers.FloatField(allow_null=True, help_text="share of candidates, 0 to 1")
    warnings = serializers.ListField(child=serializers.CharField())


class WhySerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    text = serializers.CharField()


class LeaseSerializer(serializers.Serializer[Any]):
    hold = serializers.ChoiceField(choices=["hard", "soft"])
    taken = serializers.DateTimeField()
    expires = serializers.DateTimeField()
    holder = serializers.CharField(help_text="username")
    adjudicating = serializers.BooleanField()


class ReviewSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    ticket = serializers.IntegerField(source="item_id")
    reviewer = serializers.CharField(source="reviewer.username")
    role = serializers.CharField()
    decision = serializers.ChoiceField(choices=DECISIONS)
    reasons = serializers.ListField(child=serializers.CharField())
    reasons_version = serializers.IntegerField()
    comment = serializers.CharField()
    ticket_version = serializers.IntegerField()
    guidance_step = serializers.IntegerField(allow_null=True)
    duration_ms = serializers.IntegerField(help_text="active, milliseconds")
    blind = serializers.BooleanField()
    active = serializers.BooleanField(help_text="false once it was taken back")
    created = serializers.DateTimeField()


class TicketSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    ticket_key = serializers.CharField()
    group_id = serializers.CharField()
    mission = serializers.CharField()
    kind = serializers.ChoiceField(choices=[str(k) for k in Kind], allow_null=True)
    state = serializers.ChoiceField(choices=[str(s) for s in State])
    version = serializers.IntegerField()
    etag = serializers.CharField(help_text="for If-Match of a decision")
    blind = serializers.BooleanField(help_text="model, label and why are kept back")
    run = serializers.CharField(allow_null=True, help_text="uid")
    images = TicketImageSerializer(many=True)
    model = ModelWordSerializer(allow_null=True)
    label = serializers.CharField(allow_null=True, help_text="the verdict on record")
    why = WhySerializer(allow_null=True)
    evidence = serializers.ListField(child=serializers.DictField())
    guidance_step = serializers.IntegerField(allow_null=True)
    priority = serializers.IntegerField()
    score = serializers.FloatField()
    score_parts = serializers.DictField(child=serializers.FloatField(), allow_null=True)
    assigned_to = serializers.CharField(allow_null=True, help_text="username")
    assigned_group = serializers.CharField(allow_null=True)
    needed = serializers.IntegerField(help_text="reviews that its routing asks for")
    outcome = serializers.CharField(help_text="what people decided; empty while open")
    consumed_by = serializers.CharField()
    created = serializers.DateTimeField()
    due = serializers.DateTimeField()
    lease = LeaseSerializer(allow_null=True)
    reviews = ReviewSerializer(many=True, allow_null=True)


class SummarySerializer(serializers.Serializer[Any]):
    states = serializers.DictField(child=serializers.IntegerField())
    kinds = serializers.DictField(child=serializers.IntegerField(), help_text="open tickets")
    missions = serializers.DictField(child=serializers.IntegerField(), help_text="open tickets")
    oldest = serializers.DateTimeField(allow_null=True, help_text="arrival of the oldest open one")
    late = serializers.IntegerField(help_text="open and past due")
    settled_last_day = serializers.IntegerField()
    reviewing = serializers.IntegerField(help_text="people who hold tickets now")


class EmptySerializer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(
        choices=["none_left", "filtered", "leased", "yours", "none_for_you"]
    )
    filtered = serializers.IntegerField()
    leased = serializers.IntegerField()
    until = serializers.DateTimeField(allow_null=True)
    yours = serializers.IntegerField()


class NextSerializer(serializers.Serializer[Any]):
    tickets = TicketSerializer(many=True)
    empty = EmptySerializer(allow_null=True)
    decided_today = serializers.IntegerField()
    heartbeat_s = serializers.IntegerField()


class DecisionRequestSerializer(serializers.Serializer[Any]):
    decision = serializers.ChoiceField(choices=DECISIONS)
    reasons = serializers.ListField(
        child=serializers.CharField(max_length=64), max_length=20, default=list
    )
    comment = serializers.CharField(max_length=MAX_COMMENT, allow_blank=True, default="")
    duration_ms = serializers.IntegerField(min_value=0, max_value=MAX_ACTIVE_MS, default=0)
    client = serializers.CharField(max_length=64, allow_blank=True, default="")


class DecidedSerializer(serializers.Serializer[Any]):
    ticket = TicketSerializer()
    review = ReviewSerializer()
    undo_until = serializers.DateTimeField()


class ClientSerializer(serializers.Serializer[Any]):
    client = serializers.CharField(max_length=64, allow_blank=True, default="")


class UndoneSerializer(serializers.Serializer[Any]):
    ticket = TicketSerializer()
    yours = serializers.BooleanField(help_text="the ticket is leased to you again")


class ReleaseSerializer(serializers.Serializer[Any]):
    skip = serializers.BooleanField(default=False)
    reason = serializers.CharField(max_length=400, allow_blank=True, default="")


class ItemsSerializer(serializers.Serializer[Any]):
    items = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**62), max_length=50
    )


class BeatsSerializer(serializers.Serializer[Any]):
    leases = serializers.DictField(
        child=serializers.DateTimeField(allow_null=True),
        help_text="when each lease ends; null for a ticket that is not yours any more",
    )


class ReleasedSerializer(serializers.Serializer[Any]):
    released = serializers.IntegerField()


class CommentSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=MAX_COMMENT)


class MineSerializer(serializers.Serializer[Any]):
    decided_today = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="tickets that you could be given")
    waiting_exact = serializers.BooleanField(help_text="false: there are more")
    held = TicketSerializer(many=True)
    undoable = ReviewSerializer(many=True)


class NewImageSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=400)
    sha256 = serializers.RegexField(r"\A([0-9a-f]{64})?\Z", allow_blank=True, default="")
    size = serializers.IntegerField(min_value=0, default=0)
    width = serializers.IntegerField(min_value=1, required=False)
    height = serializers.IntegerField(min_value=1, required=False)
    truth = serializers.ListField(child=serializers.DictField(), required=False)
    prediction = serializers.ListField(child=serializers.DictField(), required=False)


class NewTicketSerializer(serializers.Serializer[Any]):
    ticket_key = serializers.CharField(max_length=300)
    kind = serializers.ChoiceField(choices=[str(k) for k in Kind if k != Kind.GOLD])
    group_id = serializers.CharField(max_length=200, allow_blank=True, default="")
    mission = serializers.CharField(max_length=200, allow_blank=True, default="")
    images = NewImageSerializer(many=True, max_length=200, default=list)
    summaries = serializers.ListField(
        child=serializers.CharField(allow_blank=True, max_length=20_000), default=list
    )
    model_verdict = serializers.ChoiceField(choices=VERDICTS, allow_blank=True, default="")
    model_reason = serializers.CharField(allow_blank=True, max_length=20_000, default="")
    margin = serializers.FloatField(min_value=0, max_value=1, allow_null=True, default=None)
    warnings = serializers.ListField(child=serializers.CharField(max_length=64), default=list)
    guidance_step = serializers.IntegerField(allow_null=True, default=None)
    label = serializers.ChoiceField(choices=VERDICTS, allow_blank=True, default="")
    why_code = serializers.CharField(max_length=64, allow_blank=True, default="")
    why_text = serializers.CharField(max_length=4000, allow_blank=True, default="")


class NewTicketsSerializer(serializers.Serializer[Any]):
    source = serializers.CharField(
        max_length=64, help_text="the same source, ticket and kind opens nothing twice"
    )
    tickets = NewTicketSerializer(many=True, max_length=1000)


class OpenedSerializer(serializers.Serializer[Any]):
    opened = serializers.IntegerField()
    changed = serializers.IntegerField()
    known = serializers.IntegerField()


class ReasonSerializer(serializers.Serializer[Any]):
    code = serializers.RegexField(r"\A[a-z0-9_]{1,64}\Z")
    label = serializers.CharField(max_length=120)
    label_zh = serializers.CharField(max_length=120, allow_blank=True, default="")

    def get_fields(self) -> dict[str, Any]:
        # `for` is no name that Python could declare a member under.
        fields = super().get_fields()
        fields["for"] = serializers.ListField(
            child=serializers.ChoiceField(choices=DECISIONS), min_length=1
        )
        return fields


class ReasonListSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(read_only=True)
    codes = ReasonSerializer(many=True, min_length=1, max_length=40)


class PolicySerializer(serializers.ModelSerializer[ReviewPolicy]):
    class Meta:
        model = ReviewPolicy
        fields = (
            "version", "rules", "gold_percent", "gold_rest_days", "gold_floor", "gold_window",
            "drift_percent", "drift_margin", "due_hours", "weights", "seed",
        )
        read_only_fields = ("version",)


class EventSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    ticket = serializers.IntegerField(source="item_id")
    number = serializers.IntegerField()
    time = serializers.DateTimeField()
    actor = serializers.CharField()
    action = serializers.CharField()
    old = serializers.CharField()
    new = serializers.CharField()
    reason = serializers.CharField()
    ticket_version = serializers.IntegerField()
    guidance_step = serializers.IntegerField(allow_null=True)
    client = serializers.CharField()
    duration_ms = serializers.IntegerField()
    detail = serializers.DictField()
    before = serializers.CharField()
    hash = serializers.CharField()


class GoldSerializer(serializers.ModelSerializer[GoldItem]):
    ticket = serializers.IntegerField(source="item_id")
    ticket_key = serializers.CharField(source="item.ticket_key", read_only=True)
    added_by = serializers.CharField(source="created_by.username", allow_null=True, read_only=True)

    class Meta:
        model = GoldItem
        fields = ("id", "ticket", "ticket_key", "outcome", "active", "added_by", "created")
        read_only_fields = ("outcome", "active", "created")


class ExportRequestSerializer(serializers.Serializer[Any]):
    scope = serializers.ChoiceField(choices=["new", "all"], default="new")
    filter = serializers.DictField(default=dict)


class ExportSerializer(serializers.ModelSerializer[Export]):
    ready = serializers.SerializerMethodField()
    created_by = serializers.CharField(source="created_by.username", allow_null=True)

    class Meta:
        model = Export
        fields = (
            "uid", "scope", "filter", "n", "size", "sha256", "ready", "created_by", "created",
        )

    def get_ready(self, export: Export) -> bool:
        return bool(export.sha256)


class BulkRequestSerializer(serializers.Serializer[Any]):
    act = serializers.ChoiceField(choices=["assign", "release", "priority"])
    filter = serializers.DictField(default=dict)
    to = serializers.ListField(
        child=serializers.CharField(max_length=80), default=list, max_length=100,
        help_text="usernames (more than one: in turn) or one group:NAME; empty: the pool",
    )
    priority = serializers.IntegerField(min_value=-100, max_value=100, default=0)
    reason = serializers.CharField(max_length=400, allow_blank=True, default="")
    preview = serializers.BooleanField(default=False, help_text="only count")


class OperationSerializer(serializers.ModelSerializer[Operation]):
    class Meta:
        model = Operation
        fields = ("uid", "act", "filter", "total", "done", "finished", "error", "created")


class PreviewSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    exact = serializers.BooleanField(help_text="false: there are more")


class MeasuredSerializer(serializers.Serializer[Any]):
    value = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField(help_text="tickets")
    interval = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, help_text="95 %"
    )
    hidden = serializers.BooleanField(help_text="too few tickets to say anything")


class AgreementFiguresSerializer(serializers.Serializer[Any]):
    raw = MeasuredSerializer(help_text="share of pairs that are alike")
    kappa = MeasuredSerializer(help_text="Cohen's, first and second reviews")
    alpha = MeasuredSerializer(help_text="Krippendorff's, all reviews")


class AgreementSliceSerializer(AgreementFiguresSerializer):
    slice = serializers.CharField()


class AgreementSerializer(serializers.Serializer[Any]):
    least = serializers.IntegerField(help_text="tickets below which figures are hidden")
    all = AgreementFiguresSerializer()
    slices = AgreementSliceSerializer(many=True)


class AccuracySerializer(serializers.Serializer[Any]):
    reviewer = serializers.CharField()
    n = serializers.IntegerField(help_text="checks")
    right = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True)
    interval = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, help_text="95 %"
    )
    floor = serializers.FloatField()
    below_floor = serializers.BooleanField()


class AccuracyListSerializer(serializers.Serializer[Any]):
    reviewers = AccuracySerializer(many=True, help_text="by name: this is no ranking")


class NoticeSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    code = serializers.CharField()
    about = serializers.CharField(source="about.username", allow_null=True)
    detail = serializers.DictField()
    created = serializers.DateTimeField()


class GroupSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=64)
    members = serializers.ListField(child=serializers.CharField(max_length=64), max_length=200)


class GroupsSerializer(serializers.Serializer[Any]):
    groups = GroupSerializer(many=True)


class LogCheckSerializer(serializers.Serializer[Any]):
    whole = serializers.BooleanField(help_text="every hash is as it must be")
    findings = serializers.ListField(child=serializers.DictField(), help_text="at most 100")
    days = serializers.IntegerField(help_text="days that are anchored")


class GoldRequestSerializer(serializers.Serializer[Any]):
    ticket = serializers.IntegerField(min_value=1, max_value=2**62)
