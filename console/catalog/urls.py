"""Pages of this app."""
from __future__ import annotations

from django.urls import path

from console.catalog import (
    config_views,
    dataset_views,
    import_views,
    model_views,
    preview_views,
    views,
)

app_name = "catalog"
_P = "p/<slug:project>/"
_VERSION = _P + "datasets/<str:name>/<int:number>/"
_RECORD = _VERSION + "records/<int:key>/"
urlpatterns = [
    path(_P + "datasets/", views.datasets, name="datasets"),
    path(_P + "datasets/<str:name>/", views.dataset, name="dataset"),
    path(_P + "datasets/<str:name>/diff/", dataset_views.diff, name="dataset-diff"),
    path(
        _P + "datasets/<str:name>/diff/record/", dataset_views.diff_record,
        name="dataset-diff-record",
    ),
    path(_VERSION + "browse/", dataset_views.browser, name="dataset-browse"),
    path(_VERSION + "rejects/", dataset_views.rejects, name="dataset-rejects"),
    path(_VERSION + "near/", dataset_views.near, name="dataset-near"),
    path(_VERSION + "report/", dataset_views.report, name="dataset-report"),
    path(_RECORD, views.record, name="record"),
    path(_RECORD + "image", views.image, name="image"),
    path(_RECORD + "augment", preview_views.augment, name="augment"),
    path(_P + "import/", import_views.wizard, name="import"),
    path(_P + "import/<str:uid>/", import_views.progress, name="import-run"),
    path(_P + "mixture/", preview_views.fusion, name="fusion"),
    path(_P + "mixture/plan", preview_views.fusion_plan, name="fusion-plan"),
    path(_P + "configs/", config_views.configs, name="configs"),
    path(_P + "config-check/", config_views.check, name="config-check"),
    path(_P + "new-config/", config_views.new, name="config-new"),
    path(_P + "configs/<str:name>/", config_views.config, name="config"),
    path(_P + "configs/<str:name>/diff/", config_views.diff, name="config-diff"),
    path(_P + "configs/<str:name>/archive/", config_views.archive, name="config-archive"),
    path(_P + "models/", model_views.models, name="models"),
    path(_P + "models/<str:name>/", model_views.model, name="model"),
]
