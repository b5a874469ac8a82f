"""Settings: options, environment and sekisho.toml, read once into one frozen object."""

import difflib
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from jobs.address import (
    DEFAULT_DATABASE_URL,
    find_config,
    find_state_folder,
    read_secret,
    read_tables,
)
from jobs.cost import DeviceRate
from jobs.errors import SettingError
from jobs.words import Language, choose_language

ALLOWANCE: Final = r"^([0-9]{1,9}|100%|[0-9]{1,2}(\.[0-9]{1,6})?%)$"
"""Rows, or a share of them, as `--allow-bad` has it."""


def _exact(value: Any) -> Any:
    """Let a float be the decimal that was written; what is no number is pydantic's to refuse."""
    return str(value) if isinstance(value, int | float) else value


Amount = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, le=1_000_000)]


class Section(BaseModel):
    """A table of sekisho.toml; frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


LLAMA_KEYS: Final = frozenset(
    {
        "path",
        "threads",
        "sequences",
        "writing_tokens",
        "memory",
        "kv_type",
        "flash_attention",
        "adapter",
        "adapter_scale",
        "prepared",
    }
)
SERVER_KEYS: Final = frozenset(
    {
        "urls",
        "model",
        "api_key_variable",
        "trusted",
        "timeout_seconds",
        "load_seconds",
        "give_up_seconds",
        "max_concurrency",
        "thinking_tokens",
        "device",
    }
)
ENGINE_KEYS: Final = {"llama": LLAMA_KEYS, "openai": SERVER_KEYS, "stub": frozenset({"stub"})}
"""The keys that only one engine reads; every other one refuses them."""


class ModelSection(Section):
    """[models.NAME]: a GGUF file, servers that speak as OpenAI's do, or the stub of tests.

    Of a server: `urls` are its addresses (several serve the same model), `model` its name there,
    `api_key_variable` the environment variable that holds its key, `device` the name of the
    [devices.NAME] whose rate its time costs. `trusted` lets rows go to an address that is neither
    loopback nor private. `max_concurrency` is for each URL. `thinking_tokens` are added to an
    answer's limit for a model that thinks first.
    """

    path: Path | None = None
    engine: Literal["llama", "openai", "stub"] = "llama"
    threads: Annotated[int, Field(ge=1)] | None = None
    context_tokens: Annotated[int, Field(ge=256)] | None = None
    sequences: Annotated[int, Field(ge=4, le=256)] | None = None
    writing_tokens: Annotated[int, Field(ge=0)] = 512
    memory: Literal["auto", "unified", "split"] = "auto"
    kv_type: Literal["f16", "q8_0", "f32"] = "f16"
    flash_attention: Literal["auto", "on", "off"] = "auto"
    adapter: Path | None = None
    adapter_scale: Annotated[float, Field(ge=-10, le=10)] = 1.0
    prepared: Literal["auto", "off"] = "auto"
    stub: Mapping[str, Any] = {}
    urls: tuple[str, ...] = ()
    model: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    api_key_variable: Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]{0,99}$")] | None = None
    trusted: bool = False
    timeout_seconds: Annotated[float, Field(gt=0, le=3_600)] = 300.0
    load_seconds: Annotated[float, Field(ge=0, le=86_400)] = 600.0
    give_up_seconds: Annotated[float, Field(gt=0, le=86_400)] = 120.0
    max_concurrency: Annotated[int, Field(ge=1, le=1_024)] = 64
    thinking_tokens: Annotated[int, Field(ge=0, le=100_000)] = 0
    device: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")] | None = None

    @field_validator("urls")
    @classmethod
    def _be_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what cannot be called, without showing it: it may hold a password."""
        if not all(is_web_address(url) for url in value):
            raise ValueError(
                "each must be an address such as http://127.0.0.1:8080/v1, without a user in it"
            )
        if len(set(value)) < len(value):
            raise ValueError("an address stands there twice")
        return value

    @model_validator(mode="after")
    def _have_no_keys_of_another(self) -> Self:
        """Refuse keys that this engine would ignore."""
        for engine, keys in ENGINE_KEYS.items():
            foreign = sorted(keys & self.model_fields_set) if engine != self.engine else []
            if foreign:
                raise ValueError(f'{foreign[0]} is a key of engine = "{engine}"')
        if self.engine == "openai" and not self.urls:
            raise ValueError('engine = "openai" needs urls = ["http://127.0.0.1:8080/v1"]')
        return self


class DeviceSection(Section):
    """[devices.NAME]: what an hour costs.

    The defaults are an assumption for a small server, not a price list: 0.02 USD an hour of
    purchase (about 530 USD over three years day and night), 65 W, 0.20 USD a kWh. Set your own.
    """

    purchase_usd_per_hour: Amount = Decimal("0.02")
    watts: Amount = Decimal(65)
    usd_per_kwh: Amount = Decimal("0.20")

    @property
    def rate(self) -> DeviceRate:
        """The same as the record that `jobs.cost` computes with."""
        return DeviceRate(self.purchase_usd_per_hour, self.watts, self.usd_per_kwh)


class WorkerSection(Section):
    """[worker]: how a worker holds and commits chunks."""

    threads: Annotated[int, Field(ge=1, le=16)] = 2
    lease_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    heartbeat_seconds: Annotated[float, Field(gt=0, le=3_600)] = 2.0
    stall_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    grace_seconds: Annotated[float, Field(gt=0, le=3_600)] = 30.0
    commit_rows: Annotated[int, Field(ge=1, le=10_000)] = 64
    commit_ms: Annotated[int, Field(ge=1, le=60_000)] = 200


class CloudSection(Section):
    """[cloud]: how rows are sent. A lease outlasts a call, so that no row is asked twice."""

    threads: Annotated[int, Field(ge=1, le=64)] = 8
    timeout_seconds: Annotated[float, Field(gt=0)] = 120.0
    lease_seconds: Annotated[float, Field(gt=0, validate_default=True)] = 300.0
    busy_pauses_seconds: tuple[Annotated[float, Field(ge=0)], ...] = (1.0, 2.0, 5.0, 15.0, 30.0)
    give_up_seconds: Annotated[float, Field(gt=0, validate_default=True)] = 600.0

    @field_validator("lease_seconds", "give_up_seconds")
    @classmethod
    def _outlast_a_call(cls, value: float, info: ValidationInfo) -> float:
        """A lease that ends within a call lets another sender ask, and pay, a second time."""
        timeout = info.data.get("timeout_seconds")
        if timeout is not None and value <= timeout:
            raise ValueError(f"it must be larger than cloud.timeout_seconds, which is {timeout:g}")
        return value


class DispatchSection(Section):
    """[dispatch]: how messages reach Redis."""

    window: Annotated[int, Field(ge=1, le=100_000)] = 64
    tick_seconds: Annotated[float, Field(gt=0, le=60)] = 0.2
    resend_seconds: Annotated[float, Field(gt=0, le=86_400)] = 10.0


class CacheSection(Section):
    """[cache]: how many answers are kept for equal prompts, and how long; 0 days for none."""

    max_rows: Annotated[int, Field(ge=1)] = 1_000_000
    keep_days: Annotated[int, Field(ge=0, le=36_500)] = 30


class CatalogueSection(Section):
    """[catalogue]: the user's own entries; by default models.toml beside sekisho.toml."""

    path: Path | None = None


class NotifySection(Section):
    """[notify]: who hears of the end of a batch. Whoever has the address can post: a secret."""

    webhook: SecretStr | None = None
    secret: SecretStr | None = None
    events: tuple[Literal["closed", "failed", "alarm"], ...] = ("closed", "failed", "alarm")
    alarm_bad: Annotated[str, Field(pattern=ALLOWANCE)] = "5%"
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0
    tries: Annotated[int, Field(ge=1, le=100)] = 10
    pause_seconds: Annotated[float, Field(gt=0, le=86_400)] = 10.0

    @field_validator("webhook")
    @classmethod
    def _be_an_address(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuse what cannot be called, without showing it."""
        if value is not None and not is_web_address(value.get_secret_value()):
            raise ValueError(
                "it must be an address such as https://host/path, without a user in it"
            )
        return value


class ConfigFile(Section):
    """The whole of sekisho.toml."""

    database_url: str | None = None
    redis_url: str | None = None
    models_dir: Path | None = None
    models: Mapping[str, ModelSection] = {}
    devices: Mapping[str, DeviceSection] = {}
    worker: WorkerSection = WorkerSection()
    dispatch: DispatchSection = DispatchSection()
    cloud: CloudSection = CloudSection()
    cache: CacheSection = CacheSection()
    catalogue: CatalogueSection = CatalogueSection()
    notify: NotifySection = NotifySection()


class Settings(Section):
    """Everything a process needs to know, decided."""

    database_url: str
    redis_url: str | None
    embedded: bool = False
    config_path: Path | None
    models_dir: Path
    models: Mapping[str, ModelSection]
    devices: Mapping[str, DeviceSection]
    worker: WorkerSection
    dispatch: DispatchSection
    cloud: CloudSection
    cache: CacheSection = CacheSection()
    catalogue: CatalogueSection = CatalogueSection()
    notify: NotifySection = NotifySection()
    language: Language

    @property
    def state_folder(self) -> Path:
        """Where locks, journals and logs of this database stand: beside it."""
        return find_state_folder(self.database_url)

    def device(self, name: str) -> DeviceSection:
        """Return what a device costs; the documented default if it is not listed."""
        return self.devices.get(name, DeviceSection())


def hand_secret(name: str, value: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return a child's environment in which `name` is `value`, or still the file that holds it."""
    if environment.get(f"{name}_FILE") and read_secret(name, environment) == value:
        return dict(environment)
    return {**environment, f"{name}_FILE": "", name: value}


def read_settings(
    *,
    database_url: str | None = None,
    redis_url: str | None = None,
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Decide the settings: an option beats the environment, which beats sekisho.toml.

    Raises SettingError for a file that cannot be read or a key that is wrong.
    """
    environment = os.environ if environment is None else environment
    path = find_config(config, environment)
    file = ConfigFile() if path is None else _read_config(path)
    models_dir = environment.get("SEKISHO_MODELS_DIR") or file.models_dir or Path("models")
    return Settings(
        database_url=database_url
        or read_secret("SEKISHO_DATABASE_URL", environment)
        or file.database_url
        or DEFAULT_DATABASE_URL,
        redis_url=redis_url or read_secret("SEKISHO_REDIS_URL", environment) or file.redis_url,
        config_path=None if path is None else path.absolute(),
        models_dir=Path(models_dir),
        models=file.models,
        devices=file.devices,
        worker=file.worker,
        dispatch=file.dispatch,
        cloud=file.cloud,
        cache=file.cache,
        catalogue=file.catalogue,
        notify=_add_secrets(file.notify, environment),
        language=choose_language(environment),
    )


def _add_secrets(section: NotifySection, environment: Mapping[str, str]) -> NotifySection:
    """Let the environment, or the files it names, win over the address and secret of the file."""
    webhook = read_secret("SEKISHO_NOTIFY_WEBHOOK", environment)
    secret = read_secret("SEKISHO_NOTIFY_SECRET", environment)
    if webhook and not is_web_address(webhook):
        raise SettingError("webhook_wrong", variable="SEKISHO_NOTIFY_WEBHOOK")
    named = {"webhook": webhook, "secret": secret}
    update = {key: SecretStr(value) for key, value in named.items() if value}
    return section.model_copy(update=update)


def is_web_address(text: str) -> bool:
    """Say whether this can be called: http or https, a host, no user, nothing unprintable."""
    try:
        parts = urlsplit(text)
        has_user, _ = "@" in parts.netloc, parts.port
    except ValueError:
        return False
    plain = text.isascii() and text.isprintable() and " " not in text
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname) and not has_user


def _read_config(path: Path) -> ConfigFile:
    data = read_tables(path)
    try:
        return ConfigFile.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        problem = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            close = difflib.get_close_matches(str(first["loc"][-1]), _known_keys(), n=1)
            problem += f" ({close[0]}?)" if close else ""
        raise SettingError("config_key_wrong", file=str(path), key=key, problem=problem) from None


def _known_keys() -> list[str]:
    sections = (
        ConfigFile,
        ModelSection,
        DeviceSection,
        WorkerSection,
        DispatchSection,
        CloudSection,
        CacheSection,
        CatalogueSection,
        NotifySection,
    )
    return [name for section in sections for name in section.model_fields]
