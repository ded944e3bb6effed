from .acting_time import acting_seconds
from .bc import BCTrainer, TrainArgs, make_dataset
from .curves import plot_curves
from .dagger import ConstantBeta, ExponentialBeta, LabelSource, LinearBeta, collect_round, label_source
from .evaluate import Evaluation, evaluate, wilson_interval
from .hindsight import hindsight_goals, hindsight_ticks
from .load import load_agent
from .logging import MetricLogger, read_metrics
from .losses import bc_loss, distillation_loss, weighted_mean
from .rollout import Rollout, RolloutCollector
from .runs.args import RunArgs
from .runs.run import Run
from .validation import Validation
from .vector_env import make_vector_env

__all__ = [
    "BCTrainer",
    "ConstantBeta",
    "Evaluation",
    "ExponentialBeta",
    "LabelSource",
    "LinearBeta",
    "MetricLogger",
    "Rollout",
    "RolloutCollector",
    "Run",
    "RunArgs",
    "TrainArgs",
    "Validation",
    "acting_seconds",
    "bc_loss",
    "collect_round",
    "distillation_loss",
    "evaluate",
    "hindsight_goals",
    "hindsight_ticks",
    "label_source",
    "load_agent",
    "make_dataset",
    "make_vector_env",
    "plot_curves",
    "read_metrics",
    "weighted_mean",
    "wilson_interval",
]
