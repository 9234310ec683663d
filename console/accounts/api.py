"""Endpoints for oneself, projects, members, people, tokens and the audit log."""
from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.accounts import queries, services, tokens
from console.accounts.access import requires
from console.accounts.audit import Actor
from console.accounts.models import ApiToken, AuditEntry, HostToken, Membership, Project, User
from console.accounts.roles import SIGNED_IN, Role, Scope
from console.api.etags import etag_of, require_match
from console.api.idempotency import idempotent
from console.api.pagination import PAGE_PARAMETERS, page_of_request, page_response, paged
from console.api.problems import ApiProblem
from console.api.views import ApiView, valid


class ProjectSerializer(serializers.ModelSerializer[Project]):
    class Meta:
        model = Project
        fields = ("slug", "name", "description", "created")
        read_only_fields = ("created",)


class ProjectPatchSerializer(serializers.ModelSerializer[Project]):
    class Meta:
        model = Project
        fields = ("name", "description")


class MyProjectSerializer(ProjectSerializer):
    role = serializers.ChoiceField(choices=Role.choices)

    class Meta(ProjectSerializer.Meta):
        fields = (*ProjectSerializer.Meta.fields, "role")


class MeSerializer(serializers.Serializer[Any]):
    username = serializers.CharField()
    display_name = serializers.CharField()
    is_superuser = serializers.BooleanField()
    scope = serializers.CharField(allow_null=True, help_text="of the token used, if any")
    projects = MyProjectSerializer(many=True)


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ("username", "display_name", "is_active", "is_superuser", "created")
        read_only_fields = ("is_active", "is_superuser", "created")
        extra_kwargs = {"username": {"validators": []}}


class NewUserSerializer(UserSerializer):
    one_time_password = serializers.CharField(read_only=True, allow_null=True)

    class Meta(UserSerializer.Meta):
        fields = (*UserSerializer.Meta.fields, "one_time_password")


class MemberSerializer(serializers.ModelSerializer[Membership]):
    username = serializers.CharField(source="user.username", read_only=True)
    display_name = serializers.CharField(source="user.display_name", read_only=True)

    class Meta:
        model = Membership
        fields = ("username", "display_name", "role", "created")
        read_only_fields = ("created",)


class ApiTokenSerializer(serializers.ModelSerializer[ApiToken]):
    scope = serializers.ChoiceField(choices=Scope.choices, default=Scope.READ)

    class Meta:
        model = ApiToken
        fields = ("prefix", "name", "scope", "expires", "created", "last_used", "revoked")
        read_only_fields = ("prefix", "created", "last_used", "revoked")


class NewApiTokenSerializer(ApiTokenSerializer):
    secret = serializers.CharField(read_only=True, allow_null=True)

    class Meta(ApiTokenSerializer.Meta):
        fields = (*ApiTokenSerializer.Meta.fields, "secret")


class HostTokenSerializer(serializers.ModelSerializer[HostToken]):
    class Meta:
        model = HostToken
        fields = ("prefix", "name", "created", "last_used", "revoked")
        read_only_fields = ("prefix", "created", "last_used", "revoked")


class NewHostTokenSerializer(HostTokenSerializer):
    secret = serializers.CharField(read_only=True, allow_null=True)

    class Meta(HostTokenSerializer.Meta):
        fields = (*HostTokenSerializer.Meta.fields, "secret")


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    class Meta:
        model = AuditEntry
        fields = ("id", "time", "actor", "action", "object", "detail", "address")


@requires(get=SIGNED_IN)
class MeView(ApiView):
    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Who I am and what I may do where."""
        user = request.user
        projects = [
            {**ProjectSerializer(project).data, "role": role}
            for project, role in queries.projects_of(user)
        ]
        scope = request.auth.scope if isinstance(request.auth, ApiToken) else None
        body = {
            "username": user.username, "display_name": user.display_name,
            "is_superuser": user.is_superuser, "scope": scope, "projects": projects,
        }
        return Response(body)


@requires(get=SIGNED_IN, post="site.manage")
class ProjectsView(ApiView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(ProjectSerializer))
    def get(self, request: Request) -> Response:
        """The projects that I am a member of."""
        page = page_of_request(request, queries.visible_projects(request.user))
        return page_response(page, lambda project: ProjectSerializer(project).data)

    @extend_schema(request=ProjectSerializer, responses={201: ProjectSerializer})
    @idempotent()
    def post(self, request: Request) -> Response:
        """Make a project."""
        body = valid(ProjectSerializer(data=request.data))
        project = services.create_project(Actor.of_request(request), **body)
        return Response(ProjectSerializer(project).data, status=201)


@requires(get="project.view", patch="project.edit")
class ProjectView(ApiView):
    @extend_schema(responses=ProjectSerializer)
    def get(self, request: Request, project: str) -> Response:
        """One project."""
        return _project_response(self.project)

    @extend_schema(request=ProjectPatchSerializer, responses=ProjectSerializer)
    def patch(self, request: Request, project: str) -> Response:
        """Rename or describe a project. Needs If-Match."""
        require_match(request, _project_etag(self.project))
        body = valid(ProjectPatchSerializer(self.project, data=request.data, partial=True))
        services.edit_project(Actor.of_request(request), self.project, body)
        return _project_response(self.project)


def _project_etag(project: Project) -> str:
    return etag_of(project.slug, project.name, project.description)


def _project_response(project: Project) -> Response:
    return Response(ProjectSerializer(project).data, headers={"ETag": _project_etag(project)})


@requires(get="members.view")
class MembersView(ApiView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(MemberSerializer))
    def get(self, request: Request, project: str) -> Response:
        """The people of a project."""
        page = page_of_request(request, queries.members(self.project))
        return page_response(page, lambda member: MemberSerializer(member).data)


@requires(get="members.view", put="members.manage", delete="members.manage")
class MemberView(ApiView):
    @extend_schema(responses=MemberSerializer)
    def get(self, request: Request, project: str, username: str) -> Response:
        """One member."""
        return Response(MemberSerializer(self._member(username)).data)

    @extend_schema(request=MemberSerializer, responses=MemberSerializer)
    def put(self, request: Request, project: str, username: str) -> Response:
        """Make someone a member, or change their role."""
        body = valid(MemberSerializer(data=request.data))
        user = get_object_or_404(User, username=username, is_active=True)
        actor = Actor.of_request(request)
        member = services.set_role(actor, self.project, user, body["role"])
        return Response(MemberSerializer(member).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, project: str, username: str) -> Response:
        """Take someone out of the project."""
        services.remove_member(Actor.of_request(request), self._member(username))
        return Response(status=204)

    def _member(self, username: str) -> Membership:
        return get_object_or_404(queries.members(self.project), user__username=username)


@requires(get="site.manage", post="site.manage")
class UsersView(ApiView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(UserSerializer))
    def get(self, request: Request) -> Response:
        """Everybody who has an account."""
        page = page_of_request(request, User.objects.all())
        return page_response(page, lambda user: UserSerializer(user).data)

    @extend_schema(request=UserSerializer, responses={201: NewUserSerializer})
    @idempotent(blank=["one_time_password"])
    def post(self, request: Request) -> Response:
        """Make an account. The one-time password is shown in this answer only."""
        body = valid(UserSerializer(data=request.data))
        user, password = services.create_user(Actor.of_request(request), **body)
        return Response({**UserSerializer(user).data, "one_time_password": password}, status=201)


@requires(get=SIGNED_IN, post=SIGNED_IN)
class TokensView(ApiView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(ApiTokenSerializer))
    def get(self, request: Request) -> Response:
        """My API tokens, without their secrets."""
        page = page_of_request(request, ApiToken.objects.filter(user=request.user))
        return page_response(page, lambda token: ApiTokenSerializer(token).data)

    @extend_schema(request=ApiTokenSerializer, responses={201: NewApiTokenSerializer})
    @idempotent(blank=["secret"])
    def post(self, request: Request) -> Response:
        """Make an API token. Its secret is shown in this answer only."""
        _need_person_or_admin_token(request)
        body = valid(ApiTokenSerializer(data=request.data))
        token, secret = tokens.make_api_token(Actor.of_request(request), request.user, **body)
        return Response({**ApiTokenSerializer(token).data, "secret": secret}, status=201)


@requires(delete=SIGNED_IN)
class TokenView(ApiView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, prefix: str) -> Response:
        """Revoke one of my API tokens."""
        _need_person_or_admin_token(request)
        token = get_object_or_404(ApiToken, prefix=prefix, user=request.user)
        tokens.revoke(Actor.of_request(request), token)
        return Response(status=204)


def _need_person_or_admin_token(request: Request) -> None:
    """A narrow token must not make itself a wider one."""
    if isinstance(request.auth, ApiToken) and request.auth.scope != Scope.ADMIN:
        raise ApiProblem(403, "scope", "Only a token of scope admin may manage tokens.")


@requires(get="site.manage", post="site.manage")
class HostTokensView(ApiView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(HostTokenSerializer))
    def get(self, request: Request) -> Response:
        """All host tokens, without their secrets."""
        page = page_of_request(request, HostToken.objects.all())
        return page_response(page, lambda token: HostTokenSerializer(token).data)

    @extend_schema(request=HostTokenSerializer, responses={201: NewHostTokenSerializer})
    @idempotent(blank=["secret"])
    def post(self, request: Request) -> Response:
        """Make a host token. Its secret is shown in this answer only."""
        body = valid(HostTokenSerializer(data=request.data))
        token, secret = tokens.make_host_token(Actor.of_request(request), **body)
        return Response({**HostTokenSerializer(token).data, "secret": secret}, status=201)


@requires(delete="site.manage")
class HostTokenView(ApiView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, prefix: str) -> Response:
        """Revoke a host token: its host can do nothing from now on."""
        token = get_object_or_404(HostToken, prefix=prefix)
        tokens.revoke(Actor.of_request(request), token)
        return Response(status=204)


@requires(get="audit.view")
class AuditView(ApiView):
    query_parameters = PAGE_PARAMETERS

    @extend_schema(responses=paged(AuditEntrySerializer))
    def get(self, request: Request, project: str) -> Response:
        """Who did what in this project, newest first."""
        page = page_of_request(request, queries.audit_of(self.project))
        return page_response(page, lambda entry: AuditEntrySerializer(entry).data)
