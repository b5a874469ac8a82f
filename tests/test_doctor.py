"""The doctor: looks at everything a run needs, and changes nothing."""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs.store import notifications, open_database, schema
from jobs.words import LANGUAGES
from tests.standin.model_server import Speaker, run_model_server
from workers import doctor
from workers.doctor import Finding, examine
from workers.models import ModelFile
from workers.settings import ModelSection, Settings, read_settings


@pytest.fixture(autouse=True)
def no_built_in(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Leave the built-in model out where it is not the point: hashing it takes time."""
    if "hash" not in request.node.name and "everything" not in request.node.name:
        monkeypatch.setattr(doctor, "BUILT_IN", {})


def make_settings(tmp_path: Path, text: str = "", database: str = "x.db") -> Settings:
    """Settings in the test's folder."""
    config = tmp_path / "sekisho.toml"
    config.write_text(text)
    url = database if "://" in database else f"sqlite:///{tmp_path / database}"
    return read_settings(database_url=url, config=config, environment={})


def find(settings: Settings, name: str) -> Finding:
    """Return the finding of that name."""
    return next(finding for finding in examine(settings) if finding.name == name)


def test_everything_is_looked_at_and_nothing_made(tmp_path: Path) -> None:
    """Every part has a finding with words on one line, and no file appears."""
    settings = make_settings(tmp_path)
    names = [finding.name for finding in examine(settings)]
    assert names == [
        "python",
        "compiler",
        "llama-cpp-python",
        "processor",
        "model smollm2-135m",
        "database",
        "redis",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["sekisho.toml"]
    assert all(one.words and "\n" not in one.words for one in examine(settings))


@pytest.mark.parametrize("language", LANGUAGES)
def test_bad_models_are_found(tmp_path: Path, language: str) -> None:
    """A model that is missing or no GGUF is a bad finding that says what to do."""
    (tmp_path / "words.gguf").write_text("only words")
    text = (
        f"[models.gone]\npath = '{tmp_path}/gone.gguf'\n"
        f"[models.words]\npath = '{tmp_path}/words.gguf'\n[models.fake]\nengine = 'stub'\n"
    )
    settings = make_settings(tmp_path, text).model_copy(update={"language": language})
    assert not find(settings, "model gone").good
    assert not find(settings, "model words").good
    assert str(tmp_path) in find(settings, "model words").words
    assert find(settings, "model fake") == Finding("model fake", good=True, words="stub")


def test_a_file_with_another_hash_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The built-in model must be the known file, to the byte."""
    path = tmp_path / "known.gguf"
    path.write_bytes(b"GGUF of sorts")
    known = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(doctor, "check_model", lambda _: None)
    for expected, good in ((known, True), ("0" * 64, False)):
        model = ModelFile("smollm2-135m", path, ModelSection(), expected)
        monkeypatch.setattr(doctor, "find_model", lambda *_, model=model: model)
        assert find(make_settings(tmp_path), "model smollm2-135m").good is good


def test_databases_are_told_apart(tmp_path: Path) -> None:
    """Not there yet is good, current is good; older, unreachable or no database is bad."""
    (tmp_path / "words.db").write_text("only words " * 200)
    assert find(make_settings(tmp_path), "database").good
    for bad in ("words.db", "no/folder.db", f"postgresql://u@/x?host={tmp_path}"):
        assert not find(make_settings(tmp_path, database=bad), "database").good
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    schema.upgrade(database)
    database.close()
    head = schema.head_revision() or ""
    assert head
    assert head in find(make_settings(tmp_path), "database").words


def test_a_redis_that_is_down_is_found(tmp_path: Path) -> None:
    """A Redis named by URL must answer; its password is not shown."""
    url = f"unix://:hidden@{tmp_path}/none.sock"
    settings = make_settings(tmp_path).model_copy(update={"redis_url": url})
    finding = find(settings, "redis")
    assert not finding.good
    assert "hidden" not in finding.words


def test_a_webhook_that_takes_nothing_is_found(tmp_path: Path) -> None:
    """News tried again are a warning, news given up are bad; the address's path is not shown."""
    text = "[notify]\nwebhook = 'https://hooks.example.com/services/T0P'\n"
    settings = make_settings(tmp_path, text)
    finding = find(settings, "webhook")
    assert (finding.good, finding.warning) == (True, False)
    open_database(settings.database_url).close()  # without tables: the database's finding says so
    assert find(settings, "webhook").good
    assert "hooks.example.com" in finding.words
    assert "T0P" not in finding.words
    database = open_database(settings.database_url)
    schema.upgrade(database)
    notifications.owe_worker_alarm(database, "stub")
    (owed,) = notifications.list_unjudged(database)
    notifications.mark_failed(database, owed, "http_500", 60)
    assert find(settings, "webhook").warning
    notifications.mark_failed(database, owed, "http_500", None)
    database.close()
    finding = find(settings, "webhook")
    assert not finding.good
    assert "http_500" in finding.words


def test_a_missing_compiler_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a compiler the finding says how to get one; what is installed works without."""
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    finding = find(make_settings(tmp_path), "compiler")
    assert (finding.good, finding.warning) == (True, True)


def test_a_postgresql_without_tables_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody makes its tables but `sekisho db upgrade`, so that is said before a run fails."""
    empty = SimpleNamespace(dialect="postgresql", shown="x", close=lambda: None)
    monkeypatch.setattr(doctor, "open_database", lambda _: empty)
    monkeypatch.setattr("jobs.store.schema.describe", lambda _: None)
    finding = find(make_settings(tmp_path, database="postgresql://u@/x"), "database")
    assert not finding.good
    assert "sekisho db upgrade" in finding.words


def test_servers_are_asked_who_they_are(tmp_path: Path) -> None:
    """One that cannot tell how sure it is gets a warning, one that is away a bad finding."""
    with run_model_server(Speaker("lm-studio", logprobs="null")) as server:
        text = f'[models.big]\nengine = "openai"\nurls = ["{server.url}"]\n'
        settings = make_settings(tmp_path, text)
        (found,) = [one for one in examine(settings) if one.name.startswith("model big at")]
    assert (found.good, found.warning) == (True, True)
    assert "lm-studio" in found.words
    (found,) = [one for one in examine(settings) if one.name.startswith("model big at")]
    assert not found.good
