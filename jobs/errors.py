"""Every error Sekisho raises on purpose.

::

    SekishoError
    |-- UsageError            exit 2: what was asked for or handed in is wrong
    |   |-- SettingError      a key of sekisho.toml, an option, an environment variable
    |   |-- SpecError         a spec file
    |   |-- NotBuiltError     a setting or command of a part that is not built yet
    |   |-- SourceError       an input file as a whole
    |   |-- ModelError        a model file
    |   `-- NotFoundError     a batch or a row that is not there
    |-- ServiceError          exit 3: a database, Redis or cloud that does not answer
    |   |-- NobodyWorksError  no worker or dispatcher is there for a batch that waits
    |   `-- BusyError         another run holds the lock; nothing was done
    |-- RetryableError        the same work may succeed later
    |   |-- LeaseLost         another worker holds the chunk now; nothing was written
    |   |-- EngineStopped     the engine ended before the answer was there
    |   |-- WaitTimeoutError  a batch was not over in time; it goes on
    |   `-- CloudBusyError    the cloud did not take the question; nothing is charged
    |-- AmbiguousError        nobody here knows whether the work was done
    |   `-- CloudAmbiguousError  the reply was not seen: maybe answered, maybe charged
    |-- FinalError            the same work will fail in the same way again
    |   |-- IntegrityError    stored records contradict each other
    |   |-- CloudRowError     the cloud will never take this row; nothing is charged
    |   `-- CloudAccountError the cloud will take no row until a person acts; nothing is charged
    `-- CloudError            the four above together

An error carries a stable `code` and the parameters of its message; the English and Japanese
words for a code stand in `jobs.words`. Parameters name files, keys, rows and limits, never the
content of a row.
"""

from typing import Final

NOT_SAID: Final = "-"
"""What words show where a reply did not say something."""


class SekishoError(Exception):
    """An error with a stable code; `params` fill the words of that code."""

    def __init__(self, code: str, **params: object) -> None:
        self.code = code
        self.params = params
        super().__init__(code, params)

    def __str__(self) -> str:
        named = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        return f"{self.code}({named})"


class UsageError(SekishoError):
    """What was asked for or handed in is wrong; nothing was done."""


class SettingError(UsageError):
    """A key of sekisho.toml, an option or an environment variable is wrong."""


class SpecError(UsageError):
    """A spec file cannot be used as it stands."""


class NotBuiltError(UsageError):
    """A setting or command belongs to a part that is not built yet."""


class SourceError(UsageError):
    """An input file cannot be read as a whole; `code` is the batch's file_error."""


class ModelError(UsageError):
    """A model file is missing, damaged, or not a GGUF."""


class NotFoundError(UsageError):
    """A batch or a row is not in this database."""


class ServiceError(SekishoError):
    """A service Sekisho needs (database, Redis, cloud) does not answer."""


class NobodyWorksError(ServiceError):
    """No worker or dispatcher is there for a batch that waits; nothing is lost."""


class BusyError(ServiceError):
    """Another run holds what only one may have at a time; try again when it has ended."""


class RetryableError(SekishoError):
    """The same work may succeed later."""


class LeaseLost(RetryableError):  # noqa: N818 - a fact about the lease, not a fault
    """Another worker holds the chunk now; nothing was written under the old token."""


class EngineStopped(RetryableError):  # noqa: N818 - a fact about the engine, not a fault
    """The engine ended before the answer was there."""


class WaitTimeoutError(RetryableError):
    """A batch was not over when the time to wait for it was up; waiting again goes on."""


class FinalError(SekishoError):
    """The same work will fail in the same way again."""


class IntegrityError(FinalError):
    """Stored records contradict each other."""


class AmbiguousError(SekishoError):
    """Nobody here knows whether the work was done; doing it again may do it twice."""


class CloudError(SekishoError):
    """A cloud gave no answer. `code` begins with `cloud_`.

    `status` is the HTTP status, `provider_code` the provider's own stable name of the cause and
    `request_id` its name of the call, where there was a reply. `retry_after_seconds` is how long
    the provider asks to wait. The provider's words are left out: they may quote the row.
    """

    def __init__(
        self,
        code: str,
        *,
        model: str,
        status: int | None = None,
        provider_code: str | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        self.status = status
        self.provider_code = provider_code
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds
        named = {"status": status, "provider_code": provider_code, "request_id": request_id}
        shown = {name: NOT_SAID if value is None else value for name, value in named.items()}
        super().__init__(code, model=model, **shown)


class CloudBusyError(CloudError, RetryableError):
    """The cloud did not take the question now; nothing is charged."""


class CloudAmbiguousError(CloudError, AmbiguousError):
    """No reply was seen, or none that says what it cost: maybe answered, maybe charged."""


class CloudRowError(CloudError, FinalError):
    """The cloud will never take this row as it is; nothing is charged, others may go on."""


class CloudAccountError(CloudError, FinalError):
    """The cloud will take no row until a person acts: key, credit, limit, model; no charge."""
