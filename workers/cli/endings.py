"""How a command ends badly: one line on stderr, the error as JSON if asked for, an exit status."""

import json
import sys
from collections.abc import Mapping
from typing import Any, Final

from jobs.errors import SekishoError, ServiceError, UsageError
from jobs.words import choose_language, say

EXIT_INTERRUPTED: Final = 130


def exit_status_of(error: SekishoError | KeyboardInterrupt) -> int:
    """Return the contract's exit status of an error."""
    if isinstance(error, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    if isinstance(error, UsageError):
        return 2
    return 3 if isinstance(error, ServiceError) else 1


def complain(code: str, params: Mapping[str, object]) -> None:
    """Say on stderr what went wrong."""
    print(f"sekisho: {say(code, choose_language(), **params)}", file=sys.stderr)  # noqa: T201 - the command line speaks


def as_error(code: str, params: Mapping[str, object]) -> dict[str, Any]:
    """Return an error as `--json` tells it, under the key `error`."""
    words = say(code, choose_language(), **params)
    shown = {name: str(value) for name, value in params.items()}
    return {"error": {"code": code, "message": words, "params": shown}}


def print_error(code: str, params: Mapping[str, object]) -> None:
    """Print an error as the one JSON document on stdout."""
    print(json.dumps(as_error(code, params), ensure_ascii=False))  # noqa: T201 - as above
