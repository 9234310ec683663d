"""Augmentations to begin with, as texts of `mlcore.augment.config.AugmentConfig`."""
from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mlcore.config.compose import RECIPES


@dataclass(frozen=True)
class Preset:
    """`name` stands in the address of the page."""

    name: str
    title: str | Promise
    text: str


_GEOMETRY = """\
# Flips, small turns and scales; the canvas grows where a corner would leave it.
ops:
- type: hflip
- type: rotate
  max_deg: 8
- type: scale
  lo: 0.9
  hi: 1.1
- type: expand_to_fit
"""
_COLOURS = """\
# Light and camera: nothing moves.
ops:
- type: color_jitter
- type: gamma
- type: hsv
  hue_delta_deg: [-8, 8]
- type: sharpness
"""
_CROPS = """\
# A window of the picture; objects that lie mostly outside go, and the summary with them.
ops:
- type: random_crop
  scale: [0.5, 0.9]
  min_objects: 1
  skip_if_line: false
- type: pad_to_multiple
"""
_CURRICULUM = """\
# Starts mild and grows over training: move the slider of the position.
ops:
- type: hflip
- type: rotate
  prob: 1.0
  max_deg: 2
- type: color_jitter
  brightness: [0.95, 1.05]
- type: expand_to_fit
bypass_prob: 0.5
curriculum:
  phases:
  - until_percent: 20
    bypass_prob: 0.2
  - until_percent: 80
    bypass_prob: 0.0
    ops:
      rotate: {max_deg: 20}
      color_jitter: {brightness: [0.6, 1.4]}
"""
_PASTE = """\
# Copies small objects into other pictures, where they hide nothing.
ops:
- type: small_object_zoom_paste
  prob: 1.0
  source_mode: mixed
- type: object_cluster_copy_paste
  prob: 0.5
"""
PRESETS = (
    Preset("geometry", _("Geometry"), _GEOMETRY),
    Preset(
        "gentle", _("Gentle"),
        (RECIPES / "parts" / "augment-conservative.yaml").read_text(encoding="utf-8"),
    ),
    Preset("colours", _("Colours"), _COLOURS),
    Preset("crops", _("Crops"), _CROPS),
    Preset("paste", _("Copy-paste"), _PASTE),
    Preset("curriculum", _("Curriculum"), _CURRICULUM),
)


def preset_named(name: str) -> Preset:
    """The preset of that name, or the first one."""
    return next((p for p in PRESETS if p.name == name), PRESETS[0])
