"""Endpoints for verdicts: figures of runs over time, flips between two runs, operating points."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.api.idempotency import idempotent
from console.api.pagination import (
    PAGE_PARAMETERS,
    Order,
    limit_of,
    page_of_request,
    page_response,
    paged,
    place_page,
)
from console.api.problems import ApiProblem
from console.api.views import ApiView, valid
from console.reviews.queries import Viewer, hidden_keys
from console.runs import queries as runs
from console.verdicts import boards, flips, operating, queries, services
from console.verdicts.models import OperatingPoint, VerdictSet

BY_NUMBER = Order("number", ("-number",))
WHICH = ("", flips.TO, flips.AWAY)
MISSION = OpenApiParameter("mission", str, required=True, description="the inspection item")


class FigureSerializer(serializers.Serializer[Any]):
    value = serializers.FloatField(allow_null=True, help_text="null where n is 0")
    n = serializers.IntegerField()
    interval = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, help_text="95 %, [low, high]"
    )


class RatesSerializer(serializers.Serializer[Any]):
    label_match = FigureSerializer()
    false_release = FigureSerializer(help_text="fp / (tp + fp): of the passed")
    false_block = FigureSerializer(help_text="fn / (tn + fn): of the failed")


class BoundSerializer(serializers.Serializer[Any]):
    value = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()


class WorsenedSerializer(serializers.Serializer[Any]):
    label_match = BoundSerializer()
    false_release = BoundSerializer()
    false_block = BoundSerializer()


class VerdictFiguresSerializer(serializers.Serializer[Any]):
    all = RatesSerializer()
    kept = RatesSerializer(help_text="without tickets that are in people's hands")
    truth = RatesSerializer(
        required=False, help_text="against what people decided; absent until it is counted"
    )
    unreviewed = RatesSerializer(required=False, help_text="without decided tickets; as truth")


class VerdictSetSerializer(serializers.Serializer[Any]):
    run = serializers.CharField(source="uid")
    name = serializers.CharField()
    mission = serializers.CharField()
    pinned = serializers.BooleanField(help_text="the released one")
    ended = serializers.DateTimeField(allow_null=True)
    tickets = serializers.IntegerField()
    figures = VerdictFiguresSerializer()
    malformed = FigureSerializer(help_text="tickets without a verdict")
    doubted = FigureSerializer(help_text="tickets that a person should look at")
    format_rate = FigureSerializer()
    rules_changed = serializers.IntegerField(allow_null=True)
    alarms = serializers.ListField(child=serializers.CharField(), help_text="malformed, review")


class CurvePointSerializer(serializers.Serializer[Any]):
    threshold = serializers.FloatField(help_text="vote strength from which a verdict stands")
    automatic = serializers.IntegerField()
    review = serializers.IntegerField(help_text="tickets that go to people")
    false_release = FigureSerializer()
    false_block = FigureSerializer()
    label_match = FigureSerializer()


class CurveSerializer(serializers.Serializer[Any]):
    run = serializers.CharField()
    seconds_per_decision = serializers.FloatField(
        allow_null=True, help_text="as measured; null where too few decisions were"
    )
    seconds_n = serializers.IntegerField()
    points = CurvePointSerializer(many=True)


class FlipCountsSerializer(serializers.Serializer[Any]):
    n = serializers.IntegerField()
    to_label = serializers.IntegerField(help_text="to the truth")
    from_label = serializers.IntegerField(help_text="away from it")
    pass_to_fail = serializers.IntegerField()
    fail_to_pass = serializers.IntegerField()
    lost = serializers.IntegerField()
    gained = serializers.IntegerField()


class PValuesSerializer(serializers.Serializer[Any]):
    two_sided = BoundSerializer()
    better = BoundSerializer(help_text="that the candidate is no better")
    worse = BoundSerializer(help_text="that it is no worse")


class FlipSerializer(serializers.Serializer[Any]):
    ticket_key = serializers.CharField()
    released = serializers.CharField(allow_blank=True)
    candidate = serializers.CharField(allow_blank=True)
    truth = serializers.CharField()
    decided = serializers.BooleanField(help_text="a person has said the truth")
    direction = serializers.CharField(allow_blank=True, help_text="to, away, or empty")
    strength = serializers.FloatField(allow_null=True)


class FlipsSerializer(serializers.Serializer[Any]):
    mission = serializers.CharField()
    released = serializers.CharField(help_text="uid of the run")
    candidate = serializers.CharField(help_text="uid of the run")
    n = serializers.IntegerField(help_text="tickets that both judged")
    decided = serializers.IntegerField()
    only_released = serializers.IntegerField()
    only_candidate = serializers.IntegerField()
    before = RatesSerializer()
    after = RatesSerializer()
    change = RatesSerializer(help_text="after - before on the same tickets")
    worsened = WorsenedSerializer(help_text="one-sided 95 % bound of how much worse each is")
    flips = FlipCountsSerializer()
    p = PValuesSerializer(help_text="McNemar's exact tests")
    items = FlipSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class OperatingPointSerializer(serializers.ModelSerializer[OperatingPoint]):
    run = serializers.CharField(source="run_uid")
    author = serializers.CharField(source="author.username", allow_null=True)

    class Meta:
        model = OperatingPoint
        fields = (
            "mission",
            "number",
            "threshold",
            "seconds",
            "seconds_n",
            "run",
            "output_digest",
            "figures",
            "message",
            "author",
            "created",
        )
        read_only_fields = fields


class SavePointSerializer(serializers.Serializer[Any]):
    run = serializers.CharField(max_length=40, help_text="uid of the run it is chosen on")
    threshold = serializers.FloatField(
        min_value=0, max_value=operating.ABOVE_ALL, help_text="a share, or 1.01 for none"
    )
    seconds = serializers.FloatField(
        required=False,
        allow_null=True,
        default=None,
        help_text="of a person for one decision; left out: as measured",
    )
    message = serializers.CharField(max_length=400, default="", allow_blank=True)


@requires(get="runs.view")
class VerdictSetsView(ApiView):
    query_parameters = PAGE_PARAMETERS | {"mission"}

    @extend_schema(
        responses=paged(VerdictSetSerializer),
        parameters=[OpenApiParameter("mission", str, description="of one mission only")],
    )
    def get(self, request: Request, project: str) -> Response:
        """Verdicts of finished runs with their rates, newest first."""
        rows = queries.all_sets(self.project, request.query_params.get("mission", ""))
        page = page_of_request(request, rows)
        return page_response(page, _set)


@requires(get="runs.view")
class VerdictSetView(ApiView):
    @extend_schema(responses=VerdictSetSerializer)
    def get(self, request: Request, project: str, uid: str) -> Response:
        """The verdicts of one run."""
        return Response(_set(self.verdicts(uid)))

    def verdicts(self, uid: str) -> VerdictSet:
        found = queries.set_of_run(runs.run_of(self.project, uid))
        if found is None:
            raise Http404
        return found


@requires(get="runs.view")
class VerdictCurveView(VerdictSetView):
    @extend_schema(responses=CurveSerializer)
    def get(self, request: Request, project: str, uid: str) -> Response:
        """Every operating point that a run's tickets offer."""
        verdicts = self.verdicts(uid)
        seconds, n = queries.seconds_per_decision(self.project, verdicts.mission)
        points = [p.to_json() for p in operating.curve(queries.votes(verdicts))]
        body = {"run": uid, "seconds_per_decision": seconds, "seconds_n": n, "points": points}
        return Response(CurveSerializer(body).data)


@requires(get="runs.view")
class FlipsView(ApiView):
    query_parameters = PAGE_PARAMETERS | {"released", "candidate", "which", "decided"}

    @extend_schema(
        responses=FlipsSerializer,
        parameters=[
            OpenApiParameter("released", str, required=True, description="uid of the run"),
            OpenApiParameter("candidate", str, required=True, description="uid of the run"),
            OpenApiParameter("which", str, enum=[flips.TO, flips.AWAY], description="direction"),
            OpenApiParameter("decided", bool, description="only tickets that people decided"),
        ],
    )
    def get(self, request: Request, project: str) -> Response:
        """A candidate run against the released one on the same tickets: rates, tests, flips."""
        query = request.query_params
        released, candidate = (self._side(query, name) for name in ("released", "candidate"))
        if released.pk == candidate.pk or released.mission != candidate.mission:
            raise ApiProblem(422, "not_comparable", "Name two runs of one mission.")
        which = query.get("which", "")
        if which not in WHICH:
            raise _bad("which", "which is to or away.")
        found, _items = queries.flips_of(
            self.project,
            released,
            candidate,
            hidden_keys(self.project, Viewer(request.user, request.rights)),
            decided_only=query.get("decided") in ("1", "true"),
        )
        shown = [flip for flip in found.flips if not which or flip.direction == which]
        places, cursor = place_page(range(len(shown)), query.get("cursor", ""), limit_of(request))
        body = {
            "mission": released.mission,
            "released": released.run.uid,
            "candidate": candidate.run.uid,
            **found.to_json(),
            "items": [shown[place] for place in places],
            "next_cursor": cursor,
        }
        return Response(FlipsSerializer(body).data)

    def _side(self, query: Any, name: str) -> VerdictSet:
        uid = query.get(name, "")
        if not uid:
            raise _bad(name, f"{name} is the uid of a run.")
        found = queries.set_of_run(runs.run_of(self.project, uid))
        if found is None:
            raise Http404
        return found


@requires(get="runs.view", post="verdicts.decide")
class OperatingPointsView(ApiView):
    query_parameters = PAGE_PARAMETERS | {"mission"}

    @extend_schema(responses=paged(OperatingPointSerializer), parameters=[MISSION])
    def get(self, request: Request, project: str) -> Response:
        """Saved operating points of a mission, newest first: the first one is in force."""
        mission = request.query_params.get("mission", "")
        if not mission:
            raise _bad("mission", "Operating points are of one mission: name it.")
        rows = queries.points(self.project, mission)
        page = page_of_request(request, rows, BY_NUMBER)
        return page_response(page, lambda row: OperatingPointSerializer(row).data)

    @extend_schema(request=SavePointSerializer, responses={201: OperatingPointSerializer})
    @idempotent()
    def post(self, request: Request, project: str) -> Response:
        """Save the next operating point of a run's mission, with what its tickets give at it."""
        body = valid(SavePointSerializer(data=request.data))
        verdicts = queries.set_of_run(runs.run_of(self.project, body["run"]))
        if verdicts is None:
            raise ApiProblem(422, "no_verdicts", f"{body['run']} has no verdicts.")
        chosen = services.Chosen(body["threshold"], body["seconds"], body["message"])
        made = services.save_point(Actor.of_request(request), self.project, verdicts, chosen)
        return Response(OperatingPointSerializer(made).data, status=201)


def _set(verdicts: VerdictSet) -> dict[str, Any]:
    row = boards.row_of(verdicts)
    row |= {"mission": verdicts.mission, "pinned": verdicts.run.pinned}
    return dict(VerdictSetSerializer(row).data)


def _bad(name: str, detail: str) -> ApiProblem:
    return ApiProblem(400, "bad_parameter", detail, errors=[{"parameter": name, "detail": detail}])
