"""Where the database is, and where what belongs to it stands: from the environment alone.

Producers (`jobs.client`) and processes (`workers.settings`) decide this by the same rules.
"""

import hashlib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jobs.errors import SettingError
from jobs.store import sqlite_file

DEFAULT_DATABASE_URL: Final = "sqlite:///sekisho.db"
DEFAULT_CONFIG: Final = "sekisho.toml"


def read_secret(name: str, environment: Mapping[str, str]) -> str | None:
    """Return a variable, or the content of the file that `NAME_FILE` names; None without either.

    Raises SettingError for a file that cannot be read, or when both are set.
    """
    value, path = environment.get(name), environment.get(f"{name}_FILE")
    if not path:
        return value or None
    if value:
        raise SettingError("secret_twice", variable=name)
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "UTF-8"
        # Not the error itself: it would hold what the file holds.
        raise SettingError(
            "secret_unreadable", variable=f"{name}_FILE", file=path, problem=problem
        ) from None


def find_config(named: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the settings file: the one named, SEKISHO_CONFIG's, else sekisho.toml here."""
    chosen = named or environment.get("SEKISHO_CONFIG")
    if chosen:
        return Path(chosen)
    default = Path(DEFAULT_CONFIG)
    return default if default.exists() else None


def read_tables(path: Path) -> dict[str, Any]:
    """Return what a settings file says, unchecked; raises SettingError if it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise SettingError("config_unreadable", file=str(path), problem=problem) from error


def find_database_url(environment: Mapping[str, str] | None = None) -> str:
    """Return the database that every command uses here when none is named.

    The environment beats the settings file, which beats the default. Raises SettingError for a
    file that cannot be read.
    """
    environment = os.environ if environment is None else environment
    url = read_secret("SEKISHO_DATABASE_URL", environment)
    path = find_config(None, environment)
    if url is None and path is not None:
        said = read_tables(path).get("database_url")
        if said is not None and not isinstance(said, str):
            raise SettingError(
                "config_key_wrong", file=str(path), key="database_url", problem="it is no text"
            )
        url = said
    return url or DEFAULT_DATABASE_URL


def find_state_folder(database_url: str) -> Path:
    """Return where locks, journals, logs and spooled rows of a database stand: beside it."""
    path = sqlite_file(database_url)
    if path is not None:
        return path.parent / ".sekisho" / path.name
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    key = hashlib.sha256(database_url.encode()).hexdigest()
    return Path(home) / "sekisho" / key[:16]
