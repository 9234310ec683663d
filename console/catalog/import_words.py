"""How the import wizard calls the keys of the config, in the reader's language."""
from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise
DATASET_NAME = "dataset_name"


@dataclass(frozen=True)
class Words:
    """How the wizard calls a path, and the sentence below its input."""

    label: Text
    help: Text = ""


WORDS: dict[str, Words] = {
    "source": Words(
        _("Folder on the host, or an upload"),
        _("An absolute path that the worker can read, below one of its allowed roots; or upload a "
          "zip of the folder, which fills this in."),
    ),
    DATASET_NAME: Words(
        _("Name of the dataset"),
        _("Letters, digits, _ . and -. Importing under a known name makes its next version."),
    ),
    "val_share": Words(
        _("Share of tickets in val"),
        _("Used where the source names no splits. All images of a ticket go to one split."),
    ),
    "splits": Words(
        _("Splits"),
        _("“source” keeps those that the source names; “drawn” draws train and val anew."),
    ),
    "ticket_pattern": Words(
        _("Ticket in the path of an image"),
        _("A regular expression: its first group, or all it finds, names the ticket. Empty: the "
          "format's own rule, else every image is a ticket of its own."),
    ),
    "tiny_train": Words(
        _("Records in tiny_train"), _("A small subset of train for quick tries; 20 is usual.")
    ),
    "tiny_val": Words(
        _("Records in tiny_val"), _("A small subset of val for quick tries; 8 is usual.")
    ),
    "exif_boxes": Words(
        _("Objects of rotated photographs"),
        _("As stored, upright, or told by the size that the annotation states (auto)."),
    ),
    "stated_size": Words(
        _("Images of another size than stated"),
        _("Rejected, or their objects rescaled where the aspect agrees within 1 %."),
    ),
    "outside": Words(
        _("Objects that reach outside"), _("Rejected, or clipped at the border and counted.")
    ),
    "object_order": Words(
        _("Order of objects"), _("The order in which a record lists them, and a model says them.")
    ),
    "resize": Words(_("Resize images")),
    "format.first_pixel": Words(
        _("First pixel"), _("What the source calls it; with 1, one is taken off xmin and ymin.")
    ),
    "seed": Words(_("Seed"), _("The same seed draws the same splits.")),
    "resize.max_pixels": Words(
        _("At most this many pixels"), _("Larger images are made smaller, their objects with them.")
    ),
    "resize.min_pixels": Words(
        _("At least this many pixels"), _("Smaller images are made larger.")
    ),
    "resize.multiple": Words(
        _("Sides are multiples of"), _("What the vision tower reads in one token, in pixels.")
    ),
    "max_reject_share": Words(
        _("Share that may be rejected"),
        _("From 0 to 1. The import fails when more of the boxes or images are wrong."),
    ),
    "limit": Words(
        _("Only the first images"),
        _("Try on 20 first: it takes seconds and shows the same report. Empty imports all."),
    ),
    "points": Words(
        _("Points of polygons and lines"),
        _("Polygons clockwise from their topmost vertex, lines from their left end; or as drawn."),
    ),
    "format.geometry": Words(
        _("Geometry"), _("“poly” takes the outline where there is one; “bbox_2d” the box.")
    ),
    "format.max_polygon_points": Words(
        _("Most points of an outline"),
        _("One with more becomes its box, and is counted. 0 means no limit."),
    ),
    "format.images": Words(
        _("Folder of the images"), _("Inside the source; empty looks where they usually lie.")
    ),
    "format.annotations": Words(
        _("Annotation files"),
        _("Split to file inside the source, as {train: a.json}; empty takes every JSON file."),
    ),
    "format.crowds": Words(
        _("Crowds"), _("Regions that stand for many objects: left out and counted, or rejected.")
    ),
    "format.data": Words(
        _("File of the classes"),
        _("data.yaml or classes.txt inside the source; empty takes the only one there."),
    ),
    "format.file": Words(
        _("Export"), _("The file inside the source; empty takes the only JSON file there.")
    ),
    "format.key": Words(
        _("Key of the image"), _("In a task's data; empty takes “image”, else the first text.")
    ),
    "format.several": Words(
        _("Tasks with several annotations"), _("Rejected, or the first or last one counts.")
    ),
    "format.family": Words(
        _("Equipment family"), _("Decides the types of objects and their attributes.")
    ),
    "format.summary": Words(
        _("Form of summaries"), _("One line of JSON statistics, or desc×N.")
    ),
    "format.taxonomy": Words(
        _("Taxonomy"), _("A mapping of raw answers inside the source; empty takes the shipped one.")
    ),
}
