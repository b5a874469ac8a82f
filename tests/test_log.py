"""Logs: to stderr, one fact a line, as JSON when asked, and never below the level."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import logging, structlog
from workers.log import configure_log
configure_log()
log = structlog.get_logger()
log.info("quiet_fact", chunk=1)
log.warning("loud_fact", chunk=2, name="東京")
logging.getLogger("dramatiq.worker").warning("secret arguments")
logging.getLogger("other").warning("from elsewhere")
"""


def run(**environment: str) -> "subprocess.CompletedProcess[str]":
    """Log in a process of its own: the configuration is the process's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEKISHO_")}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**kept, "PYTHONIOENCODING": "utf-8", **environment},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    )


def test_warnings_go_to_stderr() -> None:
    """Without settings only warnings are logged, nothing on stdout, nothing of dramatiq."""
    done = run()
    assert done.stdout == ""
    assert "loud_fact" in done.stderr
    assert "quiet_fact" not in done.stderr
    assert "secret" not in done.stderr
    assert "from elsewhere" in done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(("level", "facts"), [("info", 2), ("ERROR", 0), ("nonsense", 1)])
def test_the_level_is_chosen(level: str, facts: int) -> None:
    """SEKISHO_LOG_LEVEL chooses; a level that is none means warnings."""
    done = run(SEKISHO_LOG_LEVEL=level)
    assert done.stderr.count("_fact") == facts


def test_json_is_one_object_a_line() -> None:
    """As JSON every line is an object with event, level, time and the facts."""
    done = run(SEKISHO_LOG_FORMAT="json")
    line = next(line for line in done.stderr.splitlines() if "loud_fact" in line)
    told = json.loads(line)
    assert (told["event"], told["level"], told["chunk"]) == ("loud_fact", "warning", 2)
    assert told["name"] == "東京"
    assert told["timestamp"].endswith("Z")
