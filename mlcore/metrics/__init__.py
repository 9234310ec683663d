"""What a figure over steps is: every metric declared once. Light: imports no torch."""

from mlcore.metrics.declared import METRICS, find, unit_of
from mlcore.metrics.metric import Direction, Metric, Reduction, UndeclaredMetricError

__all__ = [
    "METRICS",
    "Direction",
    "Metric",
    "Reduction",
    "UndeclaredMetricError",
    "find",
    "unit_of",
]
