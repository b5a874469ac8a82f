"""Logs: one event name per fact, ids bound, never the content of a row; to stderr."""

import logging
import os
import sys
from typing import Final

import structlog

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure_log(default_level: str = "warning") -> None:
    """Send logs to stderr: `SEKISHO_LOG_LEVEL` debug..error, `SEKISHO_LOG_FORMAT` json|console."""
    level = LEVELS.get(os.environ.get("SEKISHO_LOG_LEVEL", default_level).lower(), 30)
    as_json = os.environ.get("SEKISHO_LOG_FORMAT", "console") == "json"
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stderr, level=max(level, logging.WARNING), force=True)
    # Dramatiq logs a message's arguments and tracebacks; ours carry ids only, but the rule is
    # that nothing but our own events is logged below an error.
    logging.getLogger("dramatiq").setLevel(logging.ERROR)
