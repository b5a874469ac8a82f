"""What of Sekisho's own stands in a watched folder and is never taken."""

import os
from pathlib import Path
from typing import Final

from jobs.errors import SettingError
from jobs.store import sqlite_file
from workers.settings import Settings
from workers.watch.folder import Folder
from workers.watch.rules import HERE, Rules

SQLITE_ENDS: Final = ("", "-wal", "-shm", "-journal")


def own_paths(settings: Settings, folder: Folder, rules: Rules) -> frozenset[str]:
    """Return what of the watch's own stands in the folder, as paths relative to it.

    That is rules, specs, results, settings, models and the database.
    """
    database = sqlite_file(settings.database_url)
    own: list[Path] = [rules.path, settings.state_folder]
    own += [rules.spec_path(rule) for rule in rules.file.rules]
    own += [into for rule in rules.file.rules if (into := rules.results_folder(rule)) is not None]
    own += [settings.models_dir, *(model.path for model in settings.models.values() if model.path)]
    own += [] if settings.config_path is None else [settings.config_path]
    own += [] if database is None else [Path(f"{database}{end}") for end in SQLITE_ENDS]
    inside = [Path(os.path.realpath(path)) for path in own]
    return frozenset(
        path.relative_to(folder.path).as_posix()
        for path in inside
        if path.is_relative_to(folder.path) and path != folder.path
    )


def check_results(folder: Folder, rules: Rules) -> None:
    """Refuse results among the files to take: they would be taken, or files left unseen.

    Raises SettingError.
    """
    for rule in rules.file.rules:
        into = rules.results_folder(rule)
        real = None if into is None else Path(os.path.realpath(into))
        if real is None or not real.is_relative_to(folder.path):
            continue
        inside = real.relative_to(folder.path).as_posix()
        if inside == HERE or any(one.takes_from(inside) for one in rules.file.rules):
            raise SettingError("watch_results_among_files", folder=str(into))
