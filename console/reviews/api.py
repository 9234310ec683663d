"""Endpoints of reviewers: the next tickets, decisions, undo, leases; and of whoever looks."""
from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts.access import requires
from console.accounts.audit import Actor
from console.api.etags import require_match
from console.api.idempotency import idempotent
from console.api.pagination import PAGE_PARAMETERS, page_of_request, page_response, paged
from console.api.problems import ApiProblem, problem
from console.api.views import ApiView, valid
from console.catalog.media import PREVIEW_SIZES
from console.reviews import filters, forms, images, queries, services, shapes
from console.reviews.models import ReviewItem
from console.reviews.queries import Viewer


class ReviewView(ApiView):
    """What every endpoint of the queue shares."""

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.request.user, self.request.rights)

    @property
    def actor(self) -> Actor:
        return Actor.of_request(self.request)

    def need(self, right: str) -> None:
        """Raises ApiProblem 403 without the right."""
        if right not in self.request.rights:
            raise ApiProblem(403, "forbidden", f"Your role does not include {right}.")

    def touched(self, pk: int) -> dict[str, Any]:
        """A ticket that the caller has just acted on, read anew."""
        found = queries.with_people(queries.project_items(self.project)).get(pk=pk)
        return shapes.ticket(found, self.viewer, self.project)

    def own(self, pk: int) -> ReviewItem:
        return queries.own_item(self.project, pk)

    def known(self, pk: int) -> ReviewItem:
        """The same without what the ticket shows: for acts."""
        return queries.own_item(self.project, pk, whole=False)


@requires(get="reviews.view", post="reviews.create")
class ReviewItemsView(ReviewView):
    query_parameters = PAGE_PARAMETERS | filters.NAMES

    @extend_schema(
        responses=paged(forms.TicketSerializer), parameters=filters.parameters()
    )
    def get(self, request: Request, project: str) -> Response:
        """Tickets in the order of the queue: all of them for leads and auditors, for others those
        that are open and those that they decided."""
        wanted = filters.filter_of_query(request.query_params)
        rows = queries.items(self.project, self.viewer, wanted)
        page = page_of_request(request, rows, queries.QUEUE_ORDER)
        return page_response(
            page, lambda item: shapes.ticket(item, self.viewer, self.project)
        )

    @extend_schema(request=forms.NewTicketsSerializer, responses={201: forms.OpenedSerializer})
    @idempotent()
    def post(self, request: Request, project: str) -> Response:
        """Put tickets into the queue. The same source, ticket and kind again changes nothing."""
        body = valid(forms.NewTicketsSerializer(data=request.data))
        rows = [services.ItemRow(**ticket) for ticket in body["tickets"]]
        services.check_images(self.project, rows)
        opened = services.open_items(self.actor, self.project, rows, source=body["source"])
        return Response(vars(opened), status=201)


@requires(get="reviews.view")
class ReviewSummaryView(ReviewView):
    @extend_schema(responses=forms.SummarySerializer)
    def get(self, request: Request, project: str) -> Response:
        """The queue in numbers."""
        return Response(queries.summary(self.project))


@requires(get="reviews.view")
class ReviewItemView(ReviewView):
    @extend_schema(responses=forms.TicketSerializer)
    def get(self, request: Request, project: str, pk: int) -> Response:
        """One ticket with the reviews that the caller may read. The ETag is of its evidence."""
        found = queries.item(self.project, self.viewer, pk)
        body = shapes.ticket(found, self.viewer, self.project, reviews=True)
        return Response(body, headers={"ETag": body["etag"]})


@requires(get="reviews.view")
class ReviewImageView(ReviewView):
    query_parameters = frozenset({"key", "size"})

    @extend_schema(
        responses={(200, "image/*"): OpenApiTypes.BINARY},
        parameters=[
            OpenApiParameter("key", str, required=True, description="as the ticket gives it"),
            OpenApiParameter("size", int, enum=list(PREVIEW_SIZES)),
        ],
    )
    def get(self, request: Request, project: str, pk: int, number: int) -> HttpResponseBase:
        """An image of a ticket, upright and without metadata; without a size the file itself. The
        address comes with the ticket, is good for five minutes and for one person."""
        query = request.query_params
        return images.image_response(
            request._request, self.own(pk), number, request.user, query.get("key", ""),
            query.get("size", ""),
        )


@requires(get="reviews.decide")
class ReviewNextView(ReviewView):
    query_parameters = filters.CLAIM_NAMES | {"n", "queue", "client"}

    @extend_schema(
        responses=forms.NextSerializer,
        parameters=[
            OpenApiParameter("n", int, description=f"1 to {services.MOST}; 1 unless told"),
            OpenApiParameter("queue", str, enum=["review", "adjudication"]),
            OpenApiParameter("client", str, description="an id of the tab"),
            *filters.parameters(filters.CLAIM_NAMES),
        ],
    )
    def get(self, request: Request, project: str) -> Response:
        """The caller's next tickets, leased to them: what they hold already, then the first free
        ones. The first is theirs for five minutes from each heartbeat, the others for 90 s. Says
        why when there is none."""
        wanted = self.wanted(request)
        leases = services.claim(self.actor, self.project, wanted)
        if not leases and services.reap(self.project):
            leases = services.claim(self.actor, self.project, wanted)
        body = {
            "tickets": [
                shapes.ticket(item, self.viewer, self.project, reviews=wanted.adjudicating)
                for item in queries.leased_items(self.project, leases)
            ],
            "empty": None,
            "decided_today": queries.decided_today(request.user, self.project),
            "heartbeat_s": services.HEARTBEAT_S,
        }
        if not leases:
            empty = queries.why_empty(request.user, self.project, wanted)
            body["empty"] = empty.to_json()
        return Response(body, headers={"Cache-Control": "no-store"})

    def wanted(self, request: Request) -> services.Wanted:
        query = request.query_params
        text = query.get("n", "1")
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:3]) <= services.MOST:
            raise _bad("n", f"n is 1 to {services.MOST}.")
        queue = query.get("queue") or "review"
        if queue not in ("review", "adjudication"):
            raise _bad("queue", "queue is review or adjudication.")
        if queue == "adjudication":
            self.need("reviews.adjudicate")
        wanted = filters.filter_of_query(query)
        client = query.get("client", "")[:64]
        return services.Wanted(int(text), wanted, queue == "adjudication", client)


@requires(post="reviews.decide")
class ReviewDecisionView(ReviewView):
    @extend_schema(
        request=forms.DecisionRequestSerializer,
        responses={
            201: forms.DecidedSerializer,
            409: OpenApiResponse(description="`lease_lost`: kept as an extra review"),
            412: OpenApiResponse(description="`ticket_changed`: read it again"),
        },
        parameters=[OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, required=True)],
    )
    @idempotent(required=True)
    def post(self, request: Request, project: str, pk: int) -> Response:
        """Decide a ticket. A late answer is a 409 that shows what the other person decided; it is
        kept as an extra review. A ticket that has changed is a 412 that says in which parts."""
        item = self.known(pk)
        version = _version_seen(request, item)
        body = valid(forms.DecisionRequestSerializer(data=request.data))
        answer = services.Answer(version=version, **body)
        done = services.decide(self.actor, item.pk, answer, self.project)
        if done.kept:
            return self.late(done)
        return Response(
            {
                "ticket": self.touched(pk),
                "review": forms.ReviewSerializer(done.review).data,
                "undo_until": done.review.created + services.WITHIN,
            },
            status=201,
        )

    def late(self, done: services.Decided) -> Response:
        """409 as an answer, not as an exception: what was kept must not be rolled back."""
        own = done.review.role != "extra"
        code = "already_decided" if own else "lease_lost"
        detail = (
            "You have decided this ticket already." if own
            else "The ticket went to somebody else; your answer is kept as an extra review."
        )
        other = None if done.other is None else forms.ReviewSerializer(done.other).data
        mine = forms.ReviewSerializer(done.review).data
        return Response(problem(409, code, detail, kept=mine, other=other), status=409)


@requires(post="reviews.decide")
class ReviewUndoView(ReviewView):
    @extend_schema(request=forms.ClientSerializer, responses=forms.UndoneSerializer)
    @idempotent()
    def post(self, request: Request, project: str, pk: int) -> Response:
        """Take back one's own decision: one of the last 20, of the last 15 minutes, on which
        nothing rests yet. The ticket comes back when nobody else has it."""
        body = valid(forms.ClientSerializer(data=request.data or {}))
        _item, lease = services.undo(self.actor, self.known(pk).pk, body["client"])
        return Response({"ticket": self.touched(pk), "yours": lease is not None})


@requires(post="reviews.decide")
class ReviewReleaseView(ReviewView):
    @extend_schema(request=forms.ReleaseSerializer, responses={204: None})
    @idempotent()
    def post(self, request: Request, project: str, pk: int) -> Response:
        """Give a ticket back; with `skip` it goes to others first, for which it needs a reason."""
        body = valid(forms.ReleaseSerializer(data=request.data or {}))
        services.release(self.actor, self.project, self.known(pk).pk, **body)
        return Response(status=204)


@requires(post="reviews.decide")
class ReviewReleaseAllView(ReviewView):
    @extend_schema(request=forms.ItemsSerializer, responses=forms.ReleasedSerializer)
    def post(self, request: Request, project: str) -> Response:
        """Give back these tickets, as when a tab closes. Those that are not the caller's are left
        alone."""
        body = valid(forms.ItemsSerializer(data=request.data))
        return Response(
            {"released": services.release_all(self.actor, self.project, body["items"])}
        )


@requires(post="reviews.decide")
class ReviewHeartbeatView(ReviewView):
    @extend_schema(request=forms.ItemsSerializer, responses=forms.BeatsSerializer)
    def post(self, request: Request, project: str) -> Response:
        """Renew leases, every 30 s while the tab is seen."""
        body = valid(forms.ItemsSerializer(data=request.data))
        ends = services.beat(self.actor, self.project, body["items"])
        return Response({"leases": {str(item): end for item, end in ends.items()}})


@requires(post="reviews.decide")
class ReviewCommentView(ReviewView):
    @extend_schema(request=forms.CommentSerializer, responses={204: None})
    @idempotent()
    def post(self, request: Request, project: str, pk: int) -> Response:
        """Say something about a ticket without deciding it."""
        body = valid(forms.CommentSerializer(data=request.data))
        services.comment(self.actor, queries.item(self.project, self.viewer, pk), body["text"])
        return Response(status=204)


@requires(get="reviews.decide")
class ReviewMineView(ReviewView):
    @extend_schema(responses=forms.MineSerializer)
    def get(self, request: Request, project: str) -> Response:
        """What the caller holds, how many they decided today, and what they could take back."""
        waiting, exact = queries.count_up_to(
            services.free_for(request.user, self.project, services.Wanted())
        )
        leases = queries.leases_of(request.user, self.project)
        return Response(
            {
                "decided_today": queries.decided_today(request.user, self.project),
                "waiting": waiting,
                "waiting_exact": exact,
                "held": [
                    shapes.ticket(item, self.viewer, self.project)
                    for item in queries.leased_items(self.project, list(leases))
                ],
                "undoable": forms.ReviewSerializer(
                    services.undoable(self.project, request.user), many=True
                ).data,
            }
        )


def _version_seen(request: Request, item: ReviewItem) -> int:
    """The version that If-Match names: the ticket's, or an older one, which `decide` refuses.

    Raises ApiProblem 428 without the header."""
    header = request.headers.get("If-Match", "")
    if not header:
        require_match(request, shapes.ticket_etag(item))
    for version in range(item.version, 0, -1):
        item_then = ReviewItem(pk=item.pk, version=version)
        if shapes.ticket_etag(item_then) in header:
            return version
    return 0


def _bad(name: str, detail: str) -> ApiProblem:
    return ApiProblem(
        400, "bad_parameter", detail, errors=[{"parameter": name, "detail": detail}]
    )
