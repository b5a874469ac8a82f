"""Settings: an option beats the environment, which beats sekisho.toml; mistakes are named."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from jobs.address import read_secret
from jobs.cost import DeviceRate
from jobs.errors import SettingError
from workers.settings import Settings, hand_secret, read_settings


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work where no sekisho.toml is."""
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "sekisho.toml") -> Path:
    """A settings file in the folder of the test."""
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def read(**environment: str) -> Settings:
    """Settings with this environment and no other."""
    return read_settings(environment=environment)


def test_defaults() -> None:
    """Without anything a SQLite file here, an embedded Redis and the built-in model are used."""
    settings = read()
    assert settings.database_url == "sqlite:///sekisho.db"
    assert (settings.redis_url, settings.config_path) == (None, None)
    assert (settings.models_dir, settings.models) == (Path("models"), {})
    assert settings.language == "en"
    assert settings.device("cpu").rate == DeviceRate(Decimal("0.02"), Decimal(65), Decimal("0.20"))


def test_the_order_of_precedence() -> None:
    """The file is used; the environment wins over it; an option wins over both."""
    write('database_url = "sqlite:///file.db"\nredis_url = "redis://file"\nmodels_dir = "filed"\n')
    assert read().database_url == "sqlite:///file.db"
    assert read().models_dir == Path("filed")
    environment = {
        "SEKISHO_DATABASE_URL": "sqlite:///env.db",
        "SEKISHO_REDIS_URL": "redis://env",
        "SEKISHO_MODELS_DIR": "env",
    }
    settings = read(**environment)
    assert settings.database_url == "sqlite:///env.db"
    assert settings.redis_url == "redis://env"
    assert settings.models_dir == Path("env")
    named = read_settings(
        database_url="sqlite:///option.db", redis_url="redis://option", environment=environment
    )
    assert (named.database_url, named.redis_url) == ("sqlite:///option.db", "redis://option")


def test_an_empty_variable_is_none() -> None:
    """A variable that is set to nothing does not hide the file."""
    write('redis_url = "redis://file"\n')
    assert read(SEKISHO_REDIS_URL="", SEKISHO_DATABASE_URL="").redis_url == "redis://file"


def test_the_file_can_be_named() -> None:
    """--config beats SEKISHO_CONFIG, which beats the file that lies here."""
    for name in ("sekisho.toml", "env.toml", "option.toml"):
        write(f'redis_url = "redis://{name}"\n', name)
    assert read().redis_url == "redis://sekisho.toml"
    assert read(SEKISHO_CONFIG="env.toml").redis_url == "redis://env.toml"
    environment = {"SEKISHO_CONFIG": "env.toml"}
    settings = read_settings(config=Path("option.toml"), environment=environment)
    assert settings.redis_url == "redis://option.toml"
    assert settings.config_path == Path("option.toml").absolute()


@pytest.mark.parametrize("content", [None, "database_url = ", b"\xff\xfe"])
def test_unreadable_files_are_named(content: str | bytes | None) -> None:
    """A file that is missing, no TOML or not UTF-8 is named on one line."""
    path = Path("my.toml")
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SettingError) as caught:
        read_settings(config=path, environment={})
    assert (caught.value.code, caught.value.params["file"]) == ("config_unreadable", "my.toml")
    assert "\n" not in str(caught.value.params["problem"])


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("redis = 1", "redis", "redis_url"),
        ("[worker]\nlease_second = 1", "worker.lease_second", "lease_seconds"),
        ("[worker]\nlease_seconds = 0", "worker.lease_seconds", "greater than 0"),
        ("[worker]\nthreads = 17", "worker.threads", "16"),
        ("[models.a]\npth = 'x'", "models.a.pth", "path"),
        ("[models.a]\nengine = 'magic'", "models.a.engine", "stub"),
        ("[devices.cpu]\nwatts = -1", "devices.cpu.watts", "greater"),
        ("[devices.cpu]\nwatts = 'many'", "devices.cpu.watts", ""),
        ("[dispatch]\nwindow = 0", "dispatch.window", "1"),
        ("[cache]\nmax_rows = 0", "cache.max_rows", "1"),
        ("[cache]\nkeep_days = -1", "cache.keep_days", "0"),
        ("[cloud]\nlease_seconds = 120", "cloud.lease_seconds", "cloud.timeout_seconds"),
        ("[cloud]\ntimeout_seconds = 400", "cloud.lease_seconds", "which is 400"),
        ("[cloud]\nlease_seconds = 'x'", "cloud.lease_seconds", "number"),
        ("[cloud]\ntimeout_seconds = 0", "cloud.timeout_seconds", "greater than 0"),
        ("[cloud]\ngive_up_seconds = 60", "cloud.give_up_seconds", "cloud.timeout_seconds"),
        ("[notify]\nwebhook = 'ftp://host/T0P'", "notify.webhook", "https"),
        ("[notify]\nalarm_bad = 'many'", "notify.alarm_bad", "pattern"),
        ("[notify]\nevents = ['opened']", "notify.events.0", "closed"),
        ("[notify]\nweb_hook = 'x'", "notify.web_hook", "webhook"),
    ],
)
def test_wrong_keys_are_named(text: str, key: str, hint: str) -> None:
    """A wrong or unknown key is named with its table, what is wrong, and what is near it."""
    write(text)
    with pytest.raises(SettingError) as caught:
        read()
    assert (caught.value.code, caught.value.params["key"]) == ("config_key_wrong", key)
    assert hint in str(caught.value.params["problem"])
    assert "\n" not in str(caught.value.params["problem"])


def test_amounts_are_exact() -> None:
    """A price written as a float is the decimal that was written."""
    write("[devices.cpu]\npurchase_usd_per_hour = 0.1\nusd_per_kwh = '0.3'\nwatts = 45\n")
    rate = read().device("cpu").rate
    assert rate == DeviceRate(Decimal("0.1"), Decimal(45), Decimal("0.3"))
    assert read().device("other").rate != rate


def test_the_state_stands_beside_the_database() -> None:
    """Locks and journals of a SQLite file lie beside it; those of a server have their own place."""
    settings = read(SEKISHO_DATABASE_URL="sqlite:////data/my.db")
    assert settings.state_folder == Path("/data/.sekisho/my.db")
    servers = [read(SEKISHO_DATABASE_URL=f"postgresql://u:secret@h/{name}") for name in "ab"]
    folders = {server.state_folder for server in servers}
    assert len(folders) == 2
    assert not any("secret" in str(folder) for folder in folders)


def test_settings_are_frozen() -> None:
    """What was read once does not change."""
    with pytest.raises(ValidationError):
        read().redis_url = "redis://other"


NAME = "SEKISHO_DATABASE_URL"


def test_secrets_come_from_files(tmp_path: Path) -> None:
    """NAME_FILE names a file that holds the value; its last line break is no part of it."""
    path = tmp_path / "secret"
    path.write_text("sqlite:///secret.db\n")
    environment = {f"{NAME}_FILE": str(path), "SEKISHO_REDIS_URL_FILE": str(path)}
    assert (
        read(**environment).database_url == read(**environment).redis_url == "sqlite:///secret.db"
    )
    assert read(**environment, **{NAME: ""}).database_url == "sqlite:///secret.db"
    assert read(**{f"{NAME}_FILE": ""}).database_url == "sqlite:///sekisho.db"
    path.write_text("\n")
    assert read_secret(NAME, environment) is None
    named = read_settings(database_url="sqlite:///option.db", environment=environment)
    assert named.database_url == "sqlite:///option.db"


def test_a_secret_that_is_set_twice_or_unreadable(tmp_path: Path) -> None:
    """Two places for one secret, or a file that cannot be read, are named; the content is not."""
    path = tmp_path / "secret"
    with pytest.raises(SettingError, match="secret_unreadable"):
        read(**{f"{NAME}_FILE": str(path)})
    path.write_bytes(b"hidden\xff")
    with pytest.raises(SettingError, match="secret_unreadable") as caught:
        read(**{f"{NAME}_FILE": str(path)})
    assert "hidden" not in str(caught.value.params)
    assert caught.value.__cause__ is None
    with pytest.raises(SettingError, match="secret_twice"):
        read(**{NAME: "sqlite:///a.db", f"{NAME}_FILE": str(path)})


def test_a_secret_of_a_file_stays_there_for_children(tmp_path: Path) -> None:
    """A child is told the file, not its content; another value replaces both."""
    path = tmp_path / "secret"
    path.write_text("sqlite:///secret.db\n")
    environment = {f"{NAME}_FILE": str(path)}
    assert hand_secret(NAME, "sqlite:///secret.db", environment) == environment
    other = hand_secret(NAME, "sqlite:///other.db", environment)
    assert read_secret(NAME, other) == "sqlite:///other.db"
    assert hand_secret(NAME, "sqlite:///a.db", {})[NAME] == "sqlite:///a.db"


@pytest.mark.parametrize(
    "address",
    ["ftp://h/T0P", "https:///T0P", "https://user:T0P@h/", "T0P", "http://h:99999/T0P",
     "http://h/T0P x", "http://h/T0P\n", "file:///T0P"],
)  # fmt: skip
def test_an_address_that_cannot_be_called_is_not_shown(address: str) -> None:
    """A webhook is http or https with a host and no user; what was written stays hidden."""
    with pytest.raises(SettingError) as by_environment:
        read(SEKISHO_NOTIFY_WEBHOOK=address)
    with pytest.raises(SettingError) as by_file:
        read_from_file(address)
    assert "T0P" not in f"{by_environment.value} {by_file.value}"


def read_from_file(address: str) -> Settings:
    """Settings whose file names this webhook."""
    write(f"[notify]\nwebhook = {json.dumps(address)}\n")
    try:
        return read()
    finally:
        Path("sekisho.toml").unlink()


def test_the_webhook_and_its_secret_stay_hidden(tmp_path: Path) -> None:
    """Both may come from the environment or from files, which win; neither is ever printed."""
    write("[notify]\nwebhook = 'https://file/T0P'\nalarm_bad = '3'\n")
    assert read().notify.webhook is not None
    path = tmp_path / "hook"
    path.write_text("https://env.example.com/T0P\n")
    settings = read(SEKISHO_NOTIFY_WEBHOOK_FILE=str(path), SEKISHO_NOTIFY_SECRET="T0P")  # noqa: S106 - no secret
    notify = settings.notify
    assert notify.webhook is not None
    assert notify.secret is not None
    assert notify.webhook.get_secret_value() == "https://env.example.com/T0P"
    assert notify.secret.get_secret_value() == "T0P"
    assert (notify.alarm_bad, notify.events) == ("3", ("closed", "failed", "alarm"))
    assert "T0P" not in f"{settings!r} {settings}"


SERVER = '[models.big]\nengine = "openai"\nurls = ["http://127.0.0.1:8080/v1"]\n'


def test_a_model_on_servers_is_read() -> None:
    """Its addresses, and defaults that keep rows at home."""
    write(SERVER)
    section = read().models["big"]
    assert section.urls == ("http://127.0.0.1:8080/v1",)
    assert (section.trusted, section.model, section.api_key_variable) == (False, None, None)
    assert (section.timeout_seconds, section.max_concurrency) == (300.0, 64)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SERVER + "threads = 2\n", 'threads is a key of engine = "llama"'),
        (SERVER + 'path = "m.gguf"\n', 'path is a key of engine = "llama"'),
        (SERVER + "stub = {}\n", 'stub is a key of engine = "stub"'),
        ('[models.m]\npath = "m.gguf"\ntrusted = true\n', 'trusted is a key of engine = "openai"'),
        ('[models.m]\nengine = "stub"\nurls = []\n', 'urls is a key of engine = "openai"'),
        ('[models.big]\nengine = "openai"\n', "needs urls"),
        (SERVER.replace('v1"]', 'v1", "http://127.0.0.1:8080/v1"]'), "twice"),
        (SERVER.replace("127.0.0.1", "user:s3cret@host"), "without a user in it"),
        (SERVER + 'api_key_variable = "sk-s3cret"\n', "api_key_variable"),
    ],
)
def test_keys_that_an_engine_would_ignore_are_refused(text: str, says: str) -> None:
    """Never ignored, and never shown where they may hold a secret."""
    write(text)
    with pytest.raises(SettingError) as caught:
        read()
    shown = f"{caught.value.params['key']}: {caught.value.params['problem']}"
    assert says in shown
    assert "s3cret" not in shown
