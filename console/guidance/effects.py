"""What a version of guidance did to the verdicts: runs with it against runs with the one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from console.accounts.models import Project
from console.guidance.models import GuidanceVersion
from console.reviews.exporting import guidance_of
from console.verdicts.models import VerdictSet
from console.verdicts.queries import flips_of

NEWEST_SETS = 200


class Effects:
    """Measured effects of a project's versions, each looked up once.

    The newest run that was given a version stands for it. Two runs differ in more than guidance
    where somebody changed more; the page that the effect links to shows both.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self._sets: Mapping[str, VerdictSet] | None = None
        self._known: dict[int, dict[str, Any] | None] = {}

    def of(self, version: GuidanceVersion) -> dict[str, Any] | None:
        """{url, n, better, worse, p, before, after}: rates of false release on the tickets that
        both runs judged; None where no run was given the version, or none the one before it."""
        if version.pk not in self._known:
            self._known[version.pk] = self._measured(version)
        return self._known[version.pk]

    def _measured(self, version: GuidanceVersion) -> dict[str, Any] | None:
        if version.parent is None:
            return None
        mission = version.guidance.mission
        after = self._by_ref().get(version.ref)
        before = self._by_ref().get(f"guidance:{mission}@{version.parent.number}")
        if before is None or after is None:
            return None
        found, _items = flips_of(self.project, before, after)
        if not found.n:
            return None
        query = {"mission": mission, "released": before.run.uid, "candidate": after.run.uid}
        figures = found.figures
        return {
            "url": f"{reverse('verdicts:flips', args=[self.project.slug])}?{urlencode(query)}",
            "n": found.n,
            "better": found.better,
            "worse": found.worse,
            "p": figures["p"]["two_sided"]["value"],
            "before": figures["before"]["false_release"],
            "after": figures["after"]["false_release"],
        }

    def _by_ref(self) -> Mapping[str, VerdictSet]:
        if self._sets is None:
            rows = VerdictSet.objects.filter(project=self.project, run__ended__isnull=False)
            found: dict[str, VerdictSet] = {}
            for row in rows.select_related("run").order_by("-run__ended", "-id")[:NEWEST_SETS]:
                ref = guidance_of(row.run)
                if ref:
                    found.setdefault(ref, row)
            self._sets = found
        return self._sets
