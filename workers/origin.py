"""Where a model's file came from, and which bytes it had: the small file beside it.

`sekisho models pull` writes NAME.gguf.json once the download is whole. From then on only those
bytes are taken, at each load and by `sekisho models check`.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from jobs.errors import ModelError

ENDING: Final = ".json"
BYTES_MAX: Final = 1 << 20
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FilePart(_Part):
    """One file of a model: its name where it came from, and its bytes."""

    source_name: str
    sha256: Sha256
    bytes: Annotated[int, Field(ge=1)]


class Origin(_Part):
    """A model's file as it was taken; `repository` and `revision` are None for a local file.

    `checked` says what its hashes were compared with then: the hub's, a catalogue's, or nothing.
    """

    version: Literal[1] = 1
    model: str
    source: str
    repository: str | None = None
    revision: str | None = None
    parts: Annotated[tuple[FilePart, ...], Field(min_length=1)]
    checked: Literal["hub", "catalogue", "nothing"]
    licence: str | None = None
    taken_at: str

    @property
    def sha256(self) -> str:
        """The hash of the model: of its file; of several parts that of all their hashes."""
        hashes = [part.sha256 for part in self.parts]
        return hashes[0] if len(hashes) == 1 else hash_hashes(hashes)

    @property
    def bytes(self) -> int:
        """The size of all parts."""
        return sum(part.bytes for part in self.parts)


def hash_hashes(hashes: list[str]) -> str:
    """Return the one hash of a model in several parts."""
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def origin_path(path: Path) -> Path:
    """Return where the origin of a model's (first) file stands."""
    return path.with_name(path.name + ENDING)


def read_origin(path: Path) -> Origin | None:
    """Return where a model's file came from, None if nothing is recorded.

    Raises ModelError where the record cannot be read: its hash would not be checked.
    """
    record = origin_path(path)
    try:
        with record.open("rb") as file:
            return Origin.model_validate_json(file.read(BYTES_MAX))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise ModelError("model_record_unreadable", file=str(record)) from error
