"""Asks Anthropic's models by their SDK, one row at a time; the one owner of anthropic."""

from workers.engines.anthropic.client import Anthropic, has_key
from workers.engines.anthropic.request import close_schema

__all__ = ["Anthropic", "close_schema", "has_key"]
