"""What a watcher says: each fact about a file once, until the file is another one."""

from collections.abc import Collection

from jobs.errors import SekishoError
from jobs.words import Language, say
from workers.view import View
from workers.watch.seen import show_path

EVERYTHING = ""
"""The path of what is said of the whole watch."""


class Saying:
    """Says facts through a view."""

    def __init__(self, view: View, language: Language) -> None:
        self.language = language
        self._view = view
        self._said: dict[str, set[str]] = {}

    def say_once(self, path: str, code: str, **params: object) -> None:
        """Say a fact about a file, unless the same was said of it before."""
        words = say(code, self.language, **{"file": show_path(path) or ".", **params})
        said = self._said.setdefault(path, set())
        if words not in said:
            said.add(words)
            self._view.say("watch_says", words=words)

    def say_error(self, path: str, code: str, error: SekishoError) -> None:
        """Say an error about a file once, in the words of `code`."""
        words = say(error.code, self.language, **error.params)
        self.say_once(path, code, words=words)

    def forget(self, path: str) -> None:
        """Let everything be new about a file: it is another one, or mended."""
        self._said.pop(path, None)

    def keep(self, paths: Collection[str]) -> None:
        """Forget all files but these."""
        for path in self._said.keys() - {EVERYTHING, *paths}:
            del self._said[path]


def name_problem(error: OSError) -> str:
    """Return what the system said, without a path."""
    return error.strerror or type(error).__name__
