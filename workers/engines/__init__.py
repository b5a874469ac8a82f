"""Engines: makers of answers. One protocol, several kinds."""

from workers.engines.protocol import Counters, Engine, EngineModel

__all__ = ["Counters", "Engine", "EngineModel"]
