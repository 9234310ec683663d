from __future__ import annotations

from django.apps import AppConfig


class GuidanceConfig(AppConfig):
    name = "console.guidance"
    label = "guidance"

    def ready(self) -> None:
        from console.catalog.outputs import register_scheme
        from console.guidance import queries

        register_scheme("guidance", queries.resolve_guidance, queries.offered_guidance)
        register_scheme("records", queries.resolve_records, queries.offered_records)
