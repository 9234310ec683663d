"""Pages of this app."""
from __future__ import annotations

from django.urls import path

from console.runs import compare_views, launch_views, run_views, views

app_name = "runs"
_P = "p/<slug:project>/"
_RUN = _P + "runs/<str:uid>/"
urlpatterns = [
    path(_P, views.home, name="home"),
    path(_P + "runs/", views.run_list, name="list"),
    path(_P + "runs/launch/", launch_views.launch, name="launch"),
    path(_P + "runs/launch/sync", launch_views.sync, name="launch-sync"),
    path(_P + "runs/compare/", compare_views.compare, name="compare"),
    path(_P + "runs/compare/curves", compare_views.curves, name="compare-curves"),
    path(_RUN, run_views.run_page, name="run"),
    path(_RUN + "metrics", run_views.metrics, name="metrics"),
    path(_RUN + "log/<int:number>", run_views.log, name="log"),
    path(_RUN + "samples/<int:key>/image", run_views.sample_image, name="sample-image"),
    path(_RUN + "artifacts/<int:key>", run_views.artifact, name="artifact"),
    path(_RUN + "outputs/<str:name>/<path:path>", run_views.output_file, name="output-file"),
    path(_RUN + "do/<str:what>", run_views.act, name="act"),
]
