"""The catalogue: what is known of models that are not here yet, each fact with its source."""

from workers.catalogue.choice import Wanted, parse_size
from workers.catalogue.entry import FACTS, NAME, Entry
from workers.catalogue.reading import OWN_FILE, list_own_files, read_catalogue, suggest_names

__all__ = [
    "FACTS",
    "NAME",
    "OWN_FILE",
    "Entry",
    "Wanted",
    "list_own_files",
    "parse_size",
    "read_catalogue",
    "suggest_names",
]
