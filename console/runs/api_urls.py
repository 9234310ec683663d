"""Endpoints of this app below /api/v1/."""
from __future__ import annotations

from django.urls import path

from console.runs import api, api_data, host_api, stream

_RUN = "projects/<slug:project>/runs/<str:uid>/"
_ATTEMPT = "host/attempts/<int:attempt>/"
urlpatterns = [
    path("projects/<slug:project>/runs/", api.RunsView.as_view(), name="runs"),
    path(
        "projects/<slug:project>/runs/compare/", api.CompareView.as_view(), name="runs_compare"
    ),
    path(_RUN, api.RunView.as_view(), name="run"),
    path(_RUN + "cancel/", api.CancelView.as_view(), name="run_cancel"),
    path(_RUN + "resume/", api.ResumeView.as_view(), name="run_resume"),
    path(_RUN + "retry/", api.RetryView.as_view(), name="run_retry"),
    path(_RUN + "clone/", api.CloneView.as_view(), name="run_clone"),
    path(_RUN + "waiting/", api.WaitingView.as_view(), name="run_waiting"),
    path(_RUN + "metrics/", api_data.MetricsView.as_view(), name="run_metrics"),
    path(_RUN + "log/", api_data.LogView.as_view(), name="run_log"),
    path(_RUN + "events/", api_data.EventsView.as_view(), name="run_events"),
    path(_RUN + "samples/", api_data.SamplesView.as_view(), name="run_samples"),
    path(_RUN + "samples/<int:pk>/image/", api_data.SampleImageView.as_view(), name="run_sample"),
    path(_RUN + "artifacts/", api_data.ArtifactsView.as_view(), name="run_artifacts"),
    path(_RUN + "artifacts/<int:pk>/", api_data.ArtifactView.as_view(), name="run_artifact"),
    path("stream", stream.StreamView.as_view(), name="stream"),
    path("host/hello", host_api.HelloView.as_view(), name="host_hello"),
    path("host/claim", host_api.ClaimView.as_view(), name="host_claim"),
    path(_ATTEMPT + "heartbeat", host_api.HeartbeatView.as_view(), name="host_heartbeat"),
    path(_ATTEMPT + "events", host_api.EventsView.as_view(), name="host_events"),
    path(_ATTEMPT + "log", host_api.LogView.as_view(), name="host_log"),
    path(_ATTEMPT + "finish", host_api.FinishView.as_view(), name="host_finish"),
    path("host/blobs/missing", host_api.MissingBlobsView.as_view(), name="host_missing_blobs"),
    path("host/blobs/<str:sha256>", host_api.BlobView.as_view(), name="host_blob"),
    path("host/control/tick", host_api.TickView.as_view(), name="host_tick"),
]
