from __future__ import annotations

from django.apps import AppConfig


class VerdictsConfig(AppConfig):
    name = "console.verdicts"
    label = "verdicts"
