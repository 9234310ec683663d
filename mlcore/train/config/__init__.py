"""The config of `sft`, a file for each section. Light: imports no torch."""

from mlcore.train.config.checkpoint import BestConfig, CheckpointConfig
from mlcore.train.config.data import DataConfig
from mlcore.train.config.distill import DistillConfig
from mlcore.train.config.engine import (
    DdpEngine,
    FsdpEngine,
    LocalEngine,
    RanksEngine,
    Zero2Engine,
    Zero3Engine,
    ZeroEngine,
)
from mlcore.train.config.evaluation import EvaluationConfig
from mlcore.train.config.loading import LoadingConfig
from mlcore.train.config.losses import CoordLossConfig
from mlcore.train.config.optim import OptimConfig
from mlcore.train.config.packing import LengthGrouped, NoPacking, Packed, PackingConfig
from mlcore.train.config.sft import SftConfig
from mlcore.train.config.start import CheckpointStart, ScratchStart
from mlcore.train.config.telemetry import TelemetryConfig
from mlcore.train.config.tuning import FullTuning, Tuning

__all__ = [
    "BestConfig",
    "CheckpointConfig",
    "CheckpointStart",
    "CoordLossConfig",
    "DataConfig",
    "DdpEngine",
    "DistillConfig",
    "EvaluationConfig",
    "FsdpEngine",
    "FullTuning",
    "LengthGrouped",
    "LoadingConfig",
    "LocalEngine",
    "NoPacking",
    "OptimConfig",
    "Packed",
    "PackingConfig",
    "RanksEngine",
    "ScratchStart",
    "SftConfig",
    "TelemetryConfig",
    "Tuning",
    "Zero2Engine",
    "Zero3Engine",
    "ZeroEngine",
]
