"""Watching a folder: files that are dropped there are taken, answered and filed, each once."""

from workers.watch.rules import Rules, read_rules
from workers.watch.start import watch_folder
from workers.watch.watcher import WatchOptions

__all__ = ["Rules", "WatchOptions", "read_rules", "watch_folder"]
