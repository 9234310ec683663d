"""`manage.py bootstrap`: tables, a first project, its operator and the local tokens.

Doing it again changes nothing, except that the operator's one-time password is issued anew until
they have chosen one of their own: it is shown once and may have been missed.
"""
from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from console.accounts.bootstrap import bootstrap


class Command(BaseCommand):
    help = "Make the first project, its operator and the local host and API tokens."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", default="demo", help="slug of the first project")
        parser.add_argument("--operator", default="operator", help="username of its operator")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, verbosity=0)
        result = bootstrap(options["project"], options["operator"])
        if options["json"]:
            self.stdout.write(json.dumps(result))
            return
        self.stdout.write(f"project   {result['project']}")
        self.stdout.write(f"operator  {result['operator']}")
        if password := result["one_time_password"]:
            self.stdout.write(f"password  {password} (once; then choose your own)")
