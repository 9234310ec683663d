"""Endpoints of leads and auditors: acts on many, groups, checks, agreement, the log."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.api.idempotency import idempotent
from console.api.pagination import OLDEST, PAGE_PARAMETERS, page_of_request, page_response, paged
from console.api.problems import ApiProblem
from console.api.views import valid
from console.reviews import chain, figures, filters, forms, queries, services
from console.reviews.api import ReviewView
from console.reviews.models import DayAnchor, Operation

MOST_WEEKS = 104


@requires(post="reviews.assign")
class ReviewBulkView(ReviewView):
    @extend_schema(
        request=forms.BulkRequestSerializer,
        responses={
            200: forms.OperationSerializer,
            202: OpenApiResponse(forms.OperationSerializer, "goes on; look again"),
        },
    )
    @idempotent()
    def post(self, request: Request, project: str) -> Response:
        """Assign, release or prioritise all open tickets of a filter. With `preview` it only says
        how many there are. A long act is a 202 and goes on by itself."""
        body = valid(forms.BulkRequestSerializer(data=request.data))
        wanted = filters.filter_of_json(body["filter"])
        if body["preview"]:
            rows = services.open_tickets(self.project, wanted, timezone.now(), request.user)
            total, exact = queries.count_up_to(rows)
            return Response({"total": total, "exact": exact})
        values = {name: body[name] for name in ("to", "priority", "reason")}
        done = services.start(self.actor, self.project, body["act"], wanted, values)
        status = 200 if done.finished else 202
        headers = {"Location": f"/api/v1/projects/{project}/review/operations/{done.uid}/"}
        return Response(forms.OperationSerializer(done).data, status=status, headers=headers)


@requires(get="reviews.view")
class ReviewOperationView(ReviewView):
    @extend_schema(responses=forms.OperationSerializer)
    def get(self, request: Request, project: str, uid: str) -> Response:
        """How far an act on many tickets has come."""
        found = get_object_or_404(Operation, project=self.project, uid=uid)
        return Response(forms.OperationSerializer(found).data)


@requires(get="reviews.view")
class ReviewGroupsView(ReviewView):
    @extend_schema(responses=forms.GroupsSerializer)
    def get(self, request: Request, project: str) -> Response:
        """Groups of reviewers."""
        rows = self.project.reviewer_groups.prefetch_related("members")
        groups = [
            {"name": group.name, "members": sorted(u.username for u in group.members.all())}
            for group in rows
        ]
        return Response({"groups": groups})


@requires(put="reviews.assign")
class ReviewGroupView(ReviewView):
    @extend_schema(request=forms.GroupSerializer, responses=forms.GroupSerializer)
    def put(self, request: Request, project: str, name: str) -> Response:
        """Say who is in a group; nobody ends it."""
        body = valid(forms.GroupSerializer(data={**request.data, "name": name}))
        services.write_group(self.actor, self.project, name, body["members"])
        return Response({"name": name, "members": sorted(body["members"])})


@requires(get="reviews.gold", post="reviews.gold")
class ReviewGoldView(ReviewView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(forms.GoldSerializer))
    def get(self, request: Request, project: str) -> Response:
        """The tickets that reviewers are checked with."""
        page = page_of_request(request, queries.gold_items(self.project))
        return page_response(page, lambda row: forms.GoldSerializer(row).data)

    @extend_schema(request=forms.GoldRequestSerializer, responses={201: forms.GoldSerializer})
    @idempotent()
    def post(self, request: Request, project: str) -> Response:
        """Put an adjudicated or agreed ticket into the pool of checks."""
        body = valid(forms.GoldRequestSerializer(data=request.data))
        made = services.add_gold(self.actor, self.own(body["ticket"]))
        return Response(forms.GoldSerializer(made).data, status=201)


@requires(delete="reviews.gold")
class ReviewGoldItemView(ReviewView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, project: str, pk: int) -> Response:
        """Take a ticket out of the pool; what was answered stays."""
        found = queries.gold_items(self.project).filter(pk=pk).first()
        if found is None:
            raise Http404
        services.retire_gold(self.actor, found)
        return Response(status=204)


@requires(get="reviews.audit")
class ReviewAccuracyView(ReviewView):
    @extend_schema(responses=forms.AccuracyListSerializer)
    def get(self, request: Request, project: str) -> Response:
        """How often each reviewer was right in their last checks, by name."""
        return Response({"reviewers": figures.accuracy(self.project)})


@requires(get="reviews.audit")
class ReviewAgreementView(ReviewView):
    query_parameters = frozenset({"by", "weeks"})

    @extend_schema(
        responses=forms.AgreementSerializer,
        parameters=[
            OpenApiParameter("by", str, enum=list(figures.SLICES)),
            OpenApiParameter("weeks", int, description=f"only the last so many, 1 to {MOST_WEEKS}"),
        ],
    )
    def get(self, request: Request, project: str) -> Response:
        """How far reviewers agree, with intervals; hidden where there are too few tickets."""
        by = request.query_params.get("by", "")
        if by and by not in figures.SLICES:
            raise _bad("by", f"by is one of {', '.join(figures.SLICES)}.")
        text = request.query_params.get("weeks", "")
        if text and (not text.isdecimal() or not 1 <= int(text[:4]) <= MOST_WEEKS):
            raise _bad("weeks", f"weeks is 1 to {MOST_WEEKS}.")
        since = datetime.now(UTC) - timedelta(weeks=int(text)) if text else None
        return Response(figures.agreement(self.project, by, since))


@requires(get="reviews.audit")
class ReviewEventsView(ReviewView):
    query_parameters = PAGE_PARAMETERS | {"ticket"}

    @extend_schema(
        responses=paged(forms.EventSerializer),
        parameters=[OpenApiParameter("ticket", int, description="of one ticket, oldest first")],
    )
    def get(self, request: Request, project: str) -> Response:
        """What happened to tickets, newest first."""
        rows = queries.events(self.project)
        text = request.query_params.get("ticket", "")
        if text:
            if not text.isdecimal() or len(text) > 18:
                raise _bad("ticket", "ticket must be a whole number.")
            rows = queries.events_of(self.own(int(text)))
        page = page_of_request(request, rows, *([OLDEST] if text else []))
        return page_response(page, lambda row: forms.EventSerializer(row).data)


@requires(get="reviews.audit")
class ReviewLogCheckView(ReviewView):
    @extend_schema(responses=forms.LogCheckSerializer)
    def get(self, request: Request, project: str) -> Response:
        """Hold every event and every day against its hash."""
        findings = chain.verify(self.project)
        days = DayAnchor.objects.filter(project=self.project).count()
        return Response({"whole": not findings, "findings": findings[:100], "days": days})


@requires(get="reviews.assign")
class ReviewNoticesView(ReviewView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(forms.NoticeSerializer))
    def get(self, request: Request, project: str) -> Response:
        """What a lead has to look at, newest first."""
        page = page_of_request(request, queries.notices(self.project))
        return page_response(page, _notice)


@requires(post="reviews.assign")
class ReviewNoticeView(ReviewView):
    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, project: str, pk: int) -> Response:
        """Say that it was looked at."""
        found = queries.notices(self.project).filter(pk=pk).first()
        if found is None:
            raise Http404
        services.close_notice(self.actor, found)
        return Response(status=204)


def _notice(notice: Any) -> dict[str, Any]:
    return {
        "id": notice.pk, "code": notice.code, "detail": notice.detail, "created": notice.created,
        "about": notice.about.username if notice.about else None,
    }


def _bad(name: str, detail: str) -> ApiProblem:
    return ApiProblem(
        400, "bad_parameter", detail, errors=[{"parameter": name, "detail": detail}]
    )
