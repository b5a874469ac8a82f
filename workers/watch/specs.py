"""The specs of the rules, read again when their files change."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import SpecError
from jobs.spec import Spec, read_spec

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class KnownSpec:
    """A spec as it stood when its file had this stamp."""

    stamp: Stamp
    spec: Spec


class Specs:
    """Holds each spec file's newest good version; `check` refuses one that cannot be used."""

    def __init__(self, check: Callable[[Spec], None]) -> None:
        self._check = check
        self._known: dict[Path, KnownSpec] = {}

    def read_all(self, paths: Iterable[Path]) -> None:
        """Read every spec; raises what is wrong with the first that cannot be used."""
        for path in paths:
            self.get(path)

    def get(self, path: Path) -> Spec:
        """Return the spec as its file says now; raises what is wrong with that version.

        What is wrong may be mended elsewhere (a model that is installed), so it is looked at
        anew on each call.
        """
        stamp = _stamp(path)
        known = self._known.get(path)
        if known is not None and known.stamp == stamp:
            return known.spec
        spec = read_spec(path)
        self._check(spec)
        self._known[path] = KnownSpec(stamp, spec)
        return spec


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError as error:
        raise SpecError("spec_unreadable", file=str(path), problem=error.strerror) from error
    return found.st_ino, found.st_size, found.st_mtime_ns
