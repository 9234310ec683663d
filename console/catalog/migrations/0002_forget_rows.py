"""Records get a dense place, and facets instead of one row per record and class.

The rows of old versions are made anew from their blobs: they lose them here, and the console
writes them again in the background (`services.index_pending`). Numbers, digests and references
stay.
"""
from django.db import migrations


def forget_rows(apps, schema_editor):
    for name in ("DatasetRecordClass", "DatasetRecord", "DatasetReject"):
        apps.get_model("catalog", name).objects.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ("catalog", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(forget_rows, migrations.RunPython.noop),
    ]
