"""Asks Anthropic's models by their SDK, one row at a time; the one owner of anthropic."""

from workers.engines.anthropic.access import (
    KEY_VARIABLE,
    has_key,
    knock,
    name_host,
    read_address,
    read_key,
)
from workers.engines.anthropic.client import Anthropic
from workers.engines.anthropic.request import close_schema

__all__ = [
    "KEY_VARIABLE",
    "Anthropic",
    "close_schema",
    "has_key",
    "knock",
    "name_host",
    "read_address",
    "read_key",
]
