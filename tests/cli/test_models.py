"""Models by the command line: listed, shown, checked and prepared; what is wrong is named."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CONFIG, Call
from tests.engines.test_prepare import Bench, pack_gguf
from tests.standin.model_server import Speaker, run_model_server
from workers.engines.llama import prepare as maker
from workers.engines.prepared import find_prepared
from workers.models import ModelFile
from workers.settings import ModelSection


@pytest.fixture
def mine(folder: Path) -> Path:
    """A model of one's own in the models folder."""
    path = folder / "models" / "mine.gguf"
    path.parent.mkdir()
    path.write_bytes(pack_gguf())
    return path


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Instead of llama.cpp, and on a processor that is always free."""
    made = Bench()
    monkeypatch.setattr(maker, "Tools", made.tools)
    monkeypatch.setattr("workers.cli.models.preparing.locks_of", lambda _: [])
    return made


def named(called: Any, key: str, name: str) -> dict[str, Any]:
    """What was told of one model."""
    (found,) = [one for one in called.data[key] if one.get("name", one.get("model")) == name]
    return dict(found)


def test_models_are_listed(call: Call, mine: Path) -> None:
    """Models of the folder, of the settings and built in; problems are codes."""
    called = call("models", "list", "--json")
    assert called.status == 0
    told = named(called, "models", "mine")
    assert (told["format"], told["file"], told["prepared"]) == ("q4_1", f"models/{mine.name}", None)
    assert named(called, "models", "words")["problem"] == "model_not_gguf"
    assert named(called, "models", "gone")["problem"] == "model_missing"
    assert named(called, "models", "stub")["format"] == "stub"
    lines = call("models", "list").out.splitlines()
    assert any(line.startswith("mine") and "q4_1" in line for line in lines)


def test_a_model_is_prepared_shown_and_checked(call: Call, mine: Path, bench: Bench) -> None:
    """Progress on stderr, the outcome on stdout; afterwards it is shown, listed and good."""
    called = call("models", "prepare", "mine")
    assert called.status == 0
    assert called.out.count("\n") == 1
    assert "bf16 reads 3.0 times as fast" in called.out
    assert "q8_0: reads 200 tok/s" in called.err
    again = call("models", "prepare", "mine", "--json")
    assert "--force" in again.err
    (told,) = again.data["models"]
    assert (told["model"], told["made"], told["prepared"]["format"]) == ("mine", False, "bf16")
    assert named(call("models", "list", "--json"), "models", "mine")["prepared"] == "bf16"
    assert "-bf16.gguf" in call("models", "show", "mine").out
    assert call("models", "show", "mine", "--json").data["record"]["questions"] == 100
    assert call("models", "check", "mine").out.count("ok  mine") == 2
    found = find_prepared(ModelFile("mine", mine, ModelSection())).path
    assert found is not None
    found.write_bytes(b"GGUF")
    checked = call("models", "check", "mine", "--json")
    assert checked.status == 1
    assert [one["code"] for one in checked.data["findings"]] == [None, "prepared_file_changed"]


def test_all_models_are_prepared(
    call: Call, folder: Path, mine: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a name each model with a file; one that is off, or a stub, only when it is named."""
    monkeypatch.setattr("workers.models.BUILT_IN", {})
    (folder / "models" / "other.gguf").write_bytes(mine.read_bytes())
    text = "[models.stub]\nengine = 'stub'\n[models.other]\nprepared = 'off'\n"
    text += "[models.lost]\nthreads = 2\n"
    (folder / "sekisho.toml").write_text(text)
    called = call("models", "prepare", "--json")
    assert (called.status, [one["model"] for one in called.data["models"]]) == (1, ["mine"])
    assert "lost" in called.err
    assert bench.written == ["bf16", "q8_0"]
    (folder / "models" / "words.gguf").write_text("only words")
    broken = call("models", "prepare", "--json")
    assert (broken.status, [one["model"] for one in broken.data["models"]]) == (1, ["mine"])
    assert "words.gguf" in broken.err
    off = call("models", "prepare", "other")
    assert 'prepared = "off"' in off.err
    assert 'prepared = "off"' in call("models", "show", "other").out
    assert call("models", "prepare", "stub", "--json").code == "prepare_no_file"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("prepare", "unknown"), "model_unknown"),
        (("prepare", "words"), "model_not_gguf"),
        (("prepare", "mine", "--formats", "q4_0"), "prepare_format_lower"),
        (("prepare", "mine", "--formats", "int3"), "prepare_format_unknown"),
        (("show", "gone"), "model_missing"),
        (("show", "unknown"), "model_unknown"),
    ],
)
def test_what_is_wrong_is_named(
    call: Call, mine: Path, bench: Bench, arguments: tuple[str, ...], code: str
) -> None:
    """Exit 2, one line, and nothing is written."""
    called = call("models", *arguments)
    assert (called.status, called.out, called.err.count("\n")) == (2, "", 1)
    assert call("models", *arguments, "--json").code == code
    assert bench.written == []


def test_a_lower_precision_is_allowed_by_name(call: Call, mine: Path, bench: Bench) -> None:
    """With the option the faster lower format is tried, and wins if it answers the same."""
    given = ("--formats", "Q4_0, q8_0", "--allow-lower-precision")
    called = call("models", "prepare", "mine", *given, "--json")
    (told,) = called.data["models"]
    assert told["prepared"]["format"] == "q4_0"
    assert told["request"] == {"formats": ["q4_0", "q8_0"], "allow_lower_precision": True}


def test_a_processor_in_use_is_waited_for(
    call: Call, mine: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a while: beside a worker nothing can be measured. Exit 3, and nothing is written."""
    monkeypatch.setattr("workers.cli.models.preparing.WAIT_SECONDS", 0.05)
    monkeypatch.setattr(
        "workers.cli.models.preparing.locks_of", lambda _: ["test-of-models-prepare"]
    )
    monkeypatch.setattr("workers.device._try_lock", lambda _: False)
    called = call("models", "prepare", "mine", "--json")
    assert (called.status, called.code) == (3, "prepare_device_busy")
    assert "A worker uses the processor" in called.err
    assert bench.written == []


def test_check_without_a_name_looks_at_all(call: Call, folder: Path) -> None:
    """Each model of the settings has a finding, and bad ones make the exit status 1."""
    called = call("models", "check", "--json")
    assert called.status == 1
    found = {one["model"]: one["good"] for one in called.data["findings"]}
    assert found["stub"] is True
    assert (found["words"], found["gone"]) == (False, False)
    (folder / "sekisho.toml").write_text(CONFIG.split("[models.words]")[0])
    assert call("models", "check", "stub").status == 0


def test_servers_are_shown_and_checked_as_they_are_now(call: Call, folder: Path) -> None:
    """Who answers, what it can do, and what is wrong with the one that is away."""
    with run_model_server(Speaker("vllm")) as server:
        config = f'[models.big]\nengine = "openai"\nurls = ["{server.url}"]\n'
        (folder / "sekisho.toml").write_text(config)
        shown = call("models", "show", "big")
        assert shown.status == 0
        assert "stand-in-7b by vllm 0.12.0, context 4096 tokens" in shown.out
        told = call("models", "show", "big", "--json").data
        assert (told["format"], told["servers"][0]["dialect"]) == ("openai", "vllm")
        listed = call("models", "list", "--json").data["models"]
        assert {one["name"]: one["format"] for one in listed}["big"] == "openai"
        assert call("models", "check", "big").status == 0
    checked = call("models", "check", "big", "--json")
    assert checked.status == 1
    assert [one["code"] for one in checked.data["findings"]] == ["server_unreachable"]
    assert call("models", "show", "big").status == 1
