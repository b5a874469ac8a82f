"""Pulls a model: from the hub or from a local file into the models folder, whole or not at all.

What is under way lies in the folder `.pull`, where no model is looked for. A file gets its name
only when every part is there and has the hash it must have; where it came from is written down
just before that, so that a crash in between is a missing file or a refused one, never an
unchecked one.
"""

from workers.pull.fetch import fetch_model
from workers.pull.order import Order, Pulled
from workers.pull.take import take_file

__all__ = ["Order", "Pulled", "fetch_model", "take_file"]
