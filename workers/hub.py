"""Hugging Face's hub: what a file there is, and its bytes. The only owner of huggingface_hub.

Its `hf_hub_download` begins again from nothing when a process was interrupted (a temporary file
of each process, deleted on failure: huggingface_hub 2.4, file_download.py), so its `http_get` is
called instead, which goes on from a given byte.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from jobs.address import read_secret
from jobs.errors import ModelError, SekishoError, ServiceError, SettingError

HOME: Final = "https://huggingface.co"
TOKEN: Final = "HF_TOKEN"  # noqa: S105 - a variable's name
SHA256: Final = re.compile(r"[0-9a-f]{64}")
TIMEOUT_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at one revision (a commit). `sha256` is None for a file that the hub keeps in git.

    `tag` changes with its content.
    """

    repository: str
    name: str
    revision: str
    tag: str
    sha256: str | None
    bytes: int | None


class Hub:
    """Asks the hub, with the token of HF_TOKEN and no other. `HF_ENDPOINT` names a mirror.

    Raises SettingError where huggingface_hub is not installed.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        try:
            import huggingface_hub  # noqa: F401, PLC0415 - an extra
        except ImportError as error:
            raise SettingError("hub_missing") from error
        self._token = read_secret(TOKEN, environment) or None
        self._endpoint = (environment.get("HF_ENDPOINT") or HOME).rstrip("/")

    def look_up(self, repository: str, name: str, revision: str | None) -> RemoteFile:
        """Return what the file is; raises ModelError (not there), SettingError (gated) or
        ServiceError (no answer)."""
        from huggingface_hub import file_download  # noqa: PLC0415 - an extra

        with _translated(repository, name, revision):
            url = file_download.hf_hub_url(
                repository, name, revision=revision, endpoint=self._endpoint
            )
            found = file_download.get_hf_file_metadata(
                url, token=self._token or False, timeout=TIMEOUT_SECONDS, endpoint=self._endpoint
            )
        if found.commit_hash is None or found.etag is None:
            raise ServiceError("hub_strange", endpoint=self._endpoint)
        known = found.etag if SHA256.fullmatch(found.etag) else None
        return RemoteFile(repository, name, found.commit_hash, found.etag, known, found.size)

    def fetch(self, remote: RemoteFile, part: Path, on_bytes: Callable[[int], None]) -> None:
        """Add to `part` what is missing of the file; `on_bytes` hears how many have come.

        What has come stays when this is interrupted. Raises as `look_up`, and ModelError where
        the file cannot be written or fetched.
        """
        from huggingface_hub import file_download  # noqa: PLC0415 - an extra

        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # warnings quote addresses
        # the pinned commit: a redirect to another host is followed without the token by httpx
        url = file_download.hf_hub_url(
            remote.repository, remote.name, revision=remote.revision, endpoint=self._endpoint
        )
        headers = {"Accept-Encoding": "identity"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        with _translated(remote.repository, remote.name, remote.revision), part.open("ab") as file:
            if remote.bytes is None or file.tell() > remote.bytes:
                file.truncate(0)
                file.seek(0)
            have = file.tell()
            on_bytes(have)
            file_download.http_get(
                url,
                file,
                resume_size=have,
                headers=headers,
                expected_size=remote.bytes,
                tqdm_class=_meter_class(on_bytes),
            )

    def newest_revision(self, repository: str) -> str:
        """Return the commit that the repository's main branch is at; raises as `look_up`."""
        from huggingface_hub import HfApi  # noqa: PLC0415 - an extra

        api = HfApi(endpoint=self._endpoint, token=self._token or False)
        with _translated(repository, "", None):
            found = api.model_info(repository, timeout=TIMEOUT_SECONDS).sha
        if found is None:
            raise ServiceError("hub_strange", endpoint=self._endpoint)
        return found


def _meter_class(on_bytes: Callable[[int], None]) -> type[Any]:
    """Return what `http_get` makes its progress bar of; it only hands the bytes on."""

    class Meter:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def __enter__(self) -> Self:
            return self

        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            trace: TracebackType | None,
        ) -> None:
            pass

        def update(self, count: int = 1) -> None:
            on_bytes(count)

        def close(self) -> None:
            pass

    return Meter


@contextmanager
def _translated(repository: str, name: str, revision: str | None) -> Iterator[None]:
    """Say what the hub's errors mean here. Its own words may quote addresses: they are left out."""
    from httpx2 import HTTPError  # noqa: PLC0415 - an extra

    named: dict[str, object] = {"repository": repository, "file": name or "-"}
    try:
        yield
    except (HTTPError, ValueError, OSError) as error:
        found = _refused(error, named, revision)
        if found is None and isinstance(error, HTTPError):
            found = ServiceError("hub_down", problem=type(error).__name__)
        raise found or _failed(error, named) from error


def _refused(
    error: Exception, named: dict[str, object], revision: str | None
) -> SekishoError | None:
    """Return what an answer of the hub means, None if it was none."""
    from huggingface_hub import errors  # noqa: PLC0415 - an extra

    where = {"repository": named["repository"]}
    status = error.response.status_code if isinstance(error, errors.HfHubHTTPError) else None
    found: SekishoError | None = None
    if isinstance(error, errors.RevisionNotFoundError):
        found = ModelError("hub_no_revision", **where, revision=revision or "main")
    elif isinstance(error, errors.EntryNotFoundError):
        found = ModelError("hub_no_file", **named)
    elif isinstance(error, errors.GatedRepoError) or status == 403:
        found = SettingError("hub_gated", **where)
    elif isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        found = ModelError("hub_no_repository", **where)
    elif isinstance(error, errors.OfflineModeIsEnabled):
        found = ServiceError("hub_offline")
    elif status is not None:
        found = SettingError("hub_gated", **where) if status == 401 else None
        found = found or ServiceError("hub_failed", **named, status=status)
    return found


def _failed(error: Exception, named: dict[str, object]) -> SekishoError:
    """Return what went wrong on this side, or between."""
    if not isinstance(error, OSError):  # over 50 GB in one file: huggingface_hub's limit for HTTP
        return ModelError("hub_file_too_large", **named)
    if error.errno is None:  # fewer or more bytes came than were promised
        return ServiceError("hub_cut", **named)
    return ModelError("pull_not_written", problem=error.strerror or type(error).__name__)
