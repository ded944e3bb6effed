"""Engines: policies packed for acting, in reduced precision where the processor supports it."""

from vpt_gym.agents.engine.engine import ActingEngine, EngineOutput
from vpt_gym.agents.engine.hardware import EnginePrecision, available_precisions, fastest_precision

__all__ = ["ActingEngine", "EngineOutput", "EnginePrecision", "available_precisions", "fastest_precision"]
