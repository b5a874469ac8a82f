"""The database a producer finds is the one that every command finds."""

from pathlib import Path

import pytest

from jobs.address import find_database_url, find_state_folder
from jobs.errors import SettingError
from workers.settings import read_settings


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work where no sekisho.toml is."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("named", [None, "sqlite:///named.db"])
@pytest.mark.parametrize("file", [None, "", 'database_url = "sqlite:///file.db"\n'])
def test_producers_and_commands_agree(named: str | None, file: str | None) -> None:
    """The environment beats the settings file, which beats the default, for both."""
    if file is not None:
        Path("sekisho.toml").write_text(file)
    environment = {} if named is None else {"SEKISHO_DATABASE_URL": named}
    found = find_database_url(environment)
    settings = read_settings(environment=environment)
    assert found == settings.database_url
    assert find_state_folder(found) == settings.state_folder
    default = "sqlite:///file.db" if file else "sqlite:///sekisho.db"
    assert found == (named or default)


def test_a_named_settings_file_is_read() -> None:
    """SEKISHO_CONFIG names it; one that cannot be read is an error, not the default."""
    Path("own.toml").write_text('database_url = "postgresql://db/own"\n')
    assert find_database_url({"SEKISHO_CONFIG": "own.toml"}) == "postgresql://db/own"
    with pytest.raises(SettingError, match="config_unreadable"):
        find_database_url({"SEKISHO_CONFIG": "gone.toml"})
    Path("own.toml").write_text("database_url = 5\n")
    with pytest.raises(SettingError, match="config_key_wrong"):
        find_database_url({"SEKISHO_CONFIG": "own.toml"})


def test_a_secret_address_comes_from_its_file() -> None:
    """SEKISHO_DATABASE_URL_FILE names a file that holds the address."""
    Path("secret").write_text("postgresql://u:p@db/own\n")
    environment = {"SEKISHO_DATABASE_URL_FILE": "secret"}
    assert find_database_url(environment) == "postgresql://u:p@db/own"
