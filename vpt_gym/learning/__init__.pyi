from .dagger import ConstantBeta, ExponentialBeta, LinearBeta, collect_round
from .evaluate import Evaluation, evaluate, wilson_interval
from .load import load_agent
from .logging import MetricLogger, plot_curves, read_metrics
from .losses import PPOLoss, bc_loss, ppo_loss
from .rollout import Rollout, RolloutCollector, gae

__all__ = [
    "ConstantBeta",
    "Evaluation",
    "ExponentialBeta",
    "LinearBeta",
    "MetricLogger",
    "PPOLoss",
    "Rollout",
    "RolloutCollector",
    "bc_loss",
    "collect_round",
    "evaluate",
    "gae",
    "load_agent",
    "plot_curves",
    "ppo_loss",
    "read_metrics",
    "wilson_interval",
]
