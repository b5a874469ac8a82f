"""Starting a watch: services, the parts of the loop, and the waits between its rounds."""

import math
import time
from collections.abc import Callable

from jobs.store import Database
from workers.crew import Crew
from workers.run import hold_services
from workers.settings import Settings
from workers.view import View
from workers.watch.answering import Answering
from workers.watch.ending import Ending
from workers.watch.folder import Folder
from workers.watch.hopes import Hopes
from workers.watch.looking import Looking
from workers.watch.owning import own_paths
from workers.watch.retries import Retries
from workers.watch.rules import Rules
from workers.watch.saying import Saying
from workers.watch.specs import Specs
from workers.watch.stirring import Stirring
from workers.watch.taking import Taking
from workers.watch.watcher import Watcher, WatchOptions


def watch_folder(
    settings: Settings,
    database: Database,
    folder: Folder,
    rules: Rules,
    specs: Specs,
    view: View,
    options: WatchOptions,
) -> bool:
    """Watch a folder whose lock is held, until interrupted; with `once` until it is worked off.

    Returns whether every file that was filed is good. Raises ServiceError at the start for a
    service that is down; later ones are waited out, unless `once`.
    """
    stirring = Stirring()
    with hold_services(settings, database, options.device, view) as crew:
        watcher = make_watcher(
            settings, database, crew, folder, rules, specs, view, options, stirring
        )
        view.say("watch_begins", folder=str(folder.path), rules=len(rules.file.rules))
        try:
            while not watcher.step():
                stirring.stirred.wait(watcher.pause_seconds)
        finally:
            stirring.close()
    return not watcher.bad


def make_watcher(
    settings: Settings,
    database: Database,
    crew: Crew,
    folder: Folder,
    rules: Rules,
    specs: Specs,
    view: View,
    options: WatchOptions,
    stirring: Stirring,
    clock: Callable[[], float] = time.monotonic,
) -> Watcher:
    """Put the parts of a watch together; waiting for a cloud has an end with `once` only."""
    patience_seconds = settings.cloud.give_up_seconds if options.once else math.inf
    saying, retries = Saying(view, settings.language), Retries(clock)
    hopes = Hopes() if options.once else None
    looking = Looking(
        folder,
        rules,
        saying,
        stirring,
        retries,
        hopes,
        left_out=own_paths(settings, folder, rules),
        clock=clock,
    )
    return Watcher(
        looking,
        rules,
        specs,
        Taking(database, folder, settings.language, view, time.sleep),
        Answering(database, crew, view, give_up_seconds=patience_seconds, clock=clock),
        Ending(database, folder, rules, settings.language, options.write_results),
        saying,
        retries,
        hopes,
        options,
        clock,
    )
