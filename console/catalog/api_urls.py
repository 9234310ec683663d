"""Endpoints of this app below /api/v1/."""
from __future__ import annotations

from django.urls import URLPattern, include, path

from console.catalog import (
    api_browse,
    api_configs,
    api_datasets,
    api_diffs,
    api_imports,
    api_migrate,
    api_previews,
    api_tools,
    api_uploads,
)

_config = [
    path("", api_configs.ConfigView.as_view(), name="config"),
    path("diff/", api_configs.ConfigDiffView.as_view(), name="config_diff"),
    path("versions/", api_configs.ConfigVersionsView.as_view(), name="config_versions"),
    path(
        "versions/<int:number>/", api_configs.ConfigVersionView.as_view(), name="config_version"
    ),
]
_version = [
    path("", api_datasets.DatasetVersionView.as_view(), name="dataset_version"),
    path("records/", api_browse.RecordsView.as_view(), name="dataset_records"),
    path("window/", api_browse.WindowView.as_view(), name="dataset_window"),
    path("places/", api_browse.PlacesView.as_view(), name="dataset_places"),
    path("facets/", api_browse.FacetsView.as_view(), name="dataset_facets"),
    path("report/", api_browse.ReportView.as_view(), name="dataset_report"),
    path("files/", api_browse.FilesView.as_view(), name="dataset_files"),
    path("near-duplicates/", api_browse.NearDuplicatesView.as_view(), name="dataset_near"),
    path("rejects/", api_browse.RejectsView.as_view(), name="dataset_rejects"),
    path(
        "rejects/export/", api_browse.RejectsExportView.as_view(), name="dataset_rejects_export"
    ),
    path("diff/", api_diffs.DiffView.as_view(), name="dataset_diff"),
    path("diff/records/", api_diffs.DiffRecordsView.as_view(), name="dataset_diff_records"),
    path("diff/export/", api_diffs.DiffExportView.as_view(), name="dataset_diff_export"),
    path("file/", api_datasets.DatasetFileView.as_view(), name="dataset_file"),
    path("images/<int:record>/", api_datasets.ImageView.as_view(), name="dataset_image"),
]
_record = [
    path("tokens/", api_previews.RecordTokensView.as_view(), name="record_tokens"),
    path("augment/", api_previews.RecordAugmentView.as_view(), name="record_augment"),
    path(
        "augment/<slug:key>/", api_previews.RecordAugmentedImageView.as_view(),
        name="record_augmented_image",
    ),
]
_dataset: list[URLPattern] = [
    path("", api_datasets.DatasetView.as_view(), name="dataset"),
    path("versions/", api_datasets.DatasetVersionsView.as_view(), name="dataset_versions"),
]
_model = [
    path("", api_datasets.ModelView.as_view(), name="model"),
    path("versions/", api_datasets.ModelVersionsView.as_view(), name="model_versions"),
    path(
        "versions/<int:number>/", api_datasets.ModelVersionView.as_view(), name="model_version"
    ),
]
_project = [
    path("check/", api_configs.CheckView.as_view(), name="config_check"),
    path("configs/", api_configs.ConfigsView.as_view(), name="configs"),
    path("configs/<str:name>/", include(_config)),
    path("datasets/", api_datasets.DatasetsView.as_view(), name="datasets"),
    path("datasets/validate/", api_diffs.ValidateLinesView.as_view(), name="dataset_validate"),
    path("datasets/<str:name>/", include(_dataset)),
    path("datasets/<str:name>/versions/<int:number>/", include(_version)),
    path("datasets/<str:name>/versions/<int:number>/records/<int:record>/", include(_record)),
    path("fusion/plan/", api_previews.FusionPlanView.as_view(), name="fusion_plan"),
    path("imports/formats/", api_imports.ImportFormatsView.as_view(), name="import_formats"),
    path("imports/tickets/", api_imports.ImportTicketsView.as_view(), name="import_tickets"),
    path("models/", api_datasets.ModelsView.as_view(), name="models"),
    path("models/<str:name>/", include(_model)),
    path("uploads/", api_uploads.UploadsView.as_view(), name="uploads"),
]
_tools = [
    path("coordjson/parse/", api_tools.CoordJsonParseView.as_view(), name="coordjson_parse"),
    path("coordjson/render/", api_tools.CoordJsonRenderView.as_view(), name="coordjson_render"),
    path("migrate/config/", api_migrate.MigrateConfigView.as_view(), name="migrate_config"),
    path("migrate/records/", api_migrate.MigrateRecordsView.as_view(), name="migrate_records"),
    path("objectjson/parse/", api_tools.ObjectJsonParseView.as_view(), name="objectjson_parse"),
    path("objectjson/render/", api_tools.ObjectJsonRenderView.as_view(), name="objectjson_render"),
]
urlpatterns = [
    path("tools/", include(_tools)),
    path("kinds/", api_configs.KindsView.as_view(), name="kinds"),
    path("kinds/<slug:kind>/", api_configs.KindView.as_view(), name="kind"),
    path("projects/<slug:project>/", include(_project)),
]
