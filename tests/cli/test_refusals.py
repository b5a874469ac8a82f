"""Bad input: one line on stderr, exit 2 or 3, no traceback, and nothing half-written."""

from pathlib import Path

import pytest

from tests.cli.conftest import SPEC, Call, count_batches
from workers.cli.app import NOT_BUILT

NOWHERE = "postgresql://user:hidden@/none?host=/nonexistent"


def refused(
    call: Call, folder: Path, *arguments: object, status: int = 2, says: tuple[str, ...] = ()
) -> str:
    """Run a command that must be refused, plainly and with --json; return the code."""
    plain = call(*arguments)
    assert plain.status == status, plain
    assert plain.out == ""
    assert plain.err.count("\n") == 1
    assert plain.err.startswith("sekisho: ")
    assert "Traceback" not in plain.err
    assert "{" not in plain.err
    for words in says:
        assert words in plain.err
    as_json = call(*arguments, "--json")
    assert (as_json.status, as_json.err) == (status, plain.err)
    assert count_batches(folder) == 0
    return as_json.code


@pytest.mark.parametrize("command", ["run", "submit"])
class TestHandingIn:
    """`run` and `submit` refuse the same things."""

    def test_a_missing_file(self, call: Call, folder: Path, command: str) -> None:
        """A file that is not there is named."""
        arguments = (command, "none.csv", "--spec", "spec.toml")
        assert refused(call, folder, *arguments, says=("none.csv",)) == "file_missing"

    def test_one_missing_file_of_several(self, call: Call, folder: Path, command: str) -> None:
        """Of several files none is taken when one is not there."""
        arguments = (command, "rows.csv", "none.csv", "--spec", "spec.toml")
        assert refused(call, folder, *arguments) == "file_missing"

    def test_a_folder_and_an_empty_file(self, call: Call, folder: Path, command: str) -> None:
        """What is no file, and a file of no bytes, are told apart."""
        (folder / "empty.csv").touch()
        for name, code in ((".", "file_is_directory"), ("empty.csv", "empty_file")):
            assert refused(call, folder, command, name, "--spec", "spec.toml") == code

    def test_a_missing_column(self, call: Call, folder: Path, command: str) -> None:
        """A column that is not there is named with those that are, and the nearest one."""
        (folder / "rows.csv").write_text("id,texts,day\nr1,a,b\n")
        arguments = (command, "rows.csv", "--spec", "spec.toml")
        code = refused(call, folder, *arguments, says=("column text", "texts", "id", "day"))
        assert code == "column_missing"

    def test_a_missing_spec(self, call: Call, folder: Path, command: str) -> None:
        """A spec that is not there is named."""
        arguments = (command, "rows.csv", "--spec", "none.toml")
        assert refused(call, folder, *arguments, says=("none.toml",)) == "spec_unreadable"

    def test_a_misspelt_key(self, call: Call, folder: Path, command: str) -> None:
        """A misspelt key is named with file, line and what was meant."""
        (folder / "spec.toml").write_text(SPEC.replace("labels =", "lables ="))
        arguments = (command, "rows.csv", "--spec", "spec.toml")
        says = ("spec.toml, line 4", "task.lables", "labels?")
        assert refused(call, folder, *arguments, says=says) == "spec_key_misspelt"

    def test_a_setting_not_built(self, call: Call, folder: Path, command: str) -> None:
        """A setting of a part that is not built is named, never ignored."""
        (folder / "spec.toml").write_text(SPEC + '[gate]\nmode = "certified"\n')
        arguments = (command, "rows.csv", "--spec", "spec.toml")
        says = ("spec.toml, line 11", "gate.mode", "certified")
        assert refused(call, folder, *arguments, says=says) == "setting_not_built"

    def test_an_unreachable_database(self, call: Call, folder: Path, command: str) -> None:
        """A database that does not answer is exit 3, without its password."""
        arguments = (command, "rows.csv", "--spec", "spec.toml", "--db", NOWHERE)
        assert refused(call, folder, *arguments, status=3) == "database_fails"
        assert "hidden" not in call(*arguments).err

    def test_a_database_that_is_none(self, call: Call, folder: Path, command: str) -> None:
        """A file that is no database, and an address that is none, are refused."""
        (folder / "words.db").write_text("only words " * 200)
        arguments = (command, "rows.csv", "--spec", "spec.toml", "--db")
        assert refused(call, folder, *arguments, "sqlite:///words.db", status=3) == (
            "database_fails"
        )
        assert refused(call, folder, *arguments, "words") == "database_url_wrong"

    def test_wrong_settings(self, call: Call, folder: Path, command: str) -> None:
        """A settings file that is missing or has a wrong key is named."""
        arguments = (command, "rows.csv", "--spec", "spec.toml", "--config")
        assert refused(call, folder, *arguments, "none.toml") == "config_unreadable"
        (folder / "my.toml").write_text("[worker]\nlease = 1\n")
        says = ("my.toml", "worker.lease")
        assert refused(call, folder, *arguments, "my.toml", says=says) == "config_key_wrong"


def test_an_unknown_cloud_model(call: Call, folder: Path) -> None:
    """A cloud model without a price is refused before anything is written, with the nearest."""
    (folder / "spec.toml").write_text(SPEC + 'cloud = "claude-haiku-4-6"\n')
    arguments = ("run", "rows.csv", "--spec", "spec.toml")
    says = ("claude-haiku-4-6", "claude-haiku-4-5")
    assert refused(call, folder, *arguments, says=says) == "cloud_model_unknown"
    assert not (folder / "sekisho.db").exists()


@pytest.mark.parametrize("model", ["words", "gone", "unknown"])
def test_models_that_are_none(call: Call, folder: Path, model: str) -> None:
    """A GGUF that is none, one that is missing, and a name nobody knows stop a run at once."""
    codes = {"words": "model_not_gguf", "gone": "model_missing", "unknown": "model_unknown"}
    (folder / "spec.toml").write_text(SPEC.replace('"stub"', f'"{model}"'))
    assert refused(call, folder, "run", "rows.csv", "--spec", "spec.toml") == codes[model]
    assert refused(call, folder, "worker", "local", "--model", model) == codes[model]


@pytest.mark.parametrize("value", ["many", "-1", "101%", "nan%", ""])
def test_a_wrong_allow_bad(call: Call, folder: Path, value: str) -> None:
    """What is neither a number nor a percentage is refused before anything is read."""
    arguments = ("run", "rows.csv", "--spec", "spec.toml", f"--allow-bad={value}")
    assert refused(call, folder, *arguments) == "allow_bad_wrong"


@pytest.mark.parametrize(
    ("out", "code"),
    [
        (".", "out_no_folder"),
        ("no/such/out.csv", "out_no_folder"),
        ("rows.csv", "out_is_needed"),
        ("out.doc", "format_unknown"),
    ],
)
def test_a_wrong_out(call: Call, folder: Path, out: str, code: str) -> None:
    """A place where results cannot go is refused before the work, and the input is kept."""
    before = (folder / "rows.csv").read_bytes()
    arguments = ("run", "rows.csv", "--spec", "spec.toml", "--out", out)
    assert refused(call, folder, *arguments) == code
    assert (folder / "rows.csv").read_bytes() == before


def test_one_out_for_two_files(call: Call, folder: Path) -> None:
    """The results of two files do not go into one."""
    arguments = ("run", "rows.csv", "rows.csv", "--spec", "spec.toml", "--out", "o.csv")
    assert refused(call, folder, *arguments) == "out_needs_one_file"


@pytest.mark.parametrize(
    ("devices", "code"),
    [("cuda", "device_unknown"), ("0,0", "device_twice"), ("", "device_unknown")],
)
def test_devices_that_are_none(call: Call, folder: Path, devices: str, code: str) -> None:
    """A device that is unknown or named twice is refused before anything is made."""
    assert refused(call, folder, "worker", "local", "--devices", devices) == code
    arguments = ("run", "rows.csv", "--spec", "spec.toml", "--device", devices)
    assert refused(call, folder, *arguments) == code


SERVER = """[models.far]
engine = "openai"
urls = ["https://8.8.8.8/v1"]
[models.near]
engine = "openai"
urls = ["http://127.0.0.1:1/v1"]
"""


def test_rows_stay_at_home(call: Call, folder: Path) -> None:
    """A model at a public address is refused before anything is written, or sent."""
    (folder / "sekisho.toml").write_text(SERVER)
    (folder / "spec.toml").write_text(SPEC.replace('"stub"', '"far"'))
    says = ("8.8.8.8", "trusted")
    arguments = ("run", "rows.csv", "--spec", "spec.toml")
    assert refused(call, folder, *arguments, says=says) == "server_not_own"
    assert refused(call, folder, "worker", "local", "--model", "far") == "server_not_own"
    assert not (folder / "sekisho.db").exists()


def test_a_model_on_a_server_takes_no_device(call: Call, folder: Path) -> None:
    """It has none of this machine's to choose."""
    (folder / "sekisho.toml").write_text(SERVER)
    arguments = ("worker", "local", "--model", "near", "--devices", "0")
    assert refused(call, folder, *arguments) == "devices_of_server"


def test_a_run_has_one_device(call: Call, folder: Path) -> None:
    """Several devices are a worker's, not a run's."""
    arguments = ("run", "rows.csv", "--spec", "spec.toml", "--device", "0,1")
    assert refused(call, folder, *arguments) == "device_not_one"


@pytest.mark.parametrize(
    "command",
    [*((name,) for name in NOT_BUILT), ("report", "quality"), ("report", "cost")],
)
def test_commands_not_built(call: Call, folder: Path, command: tuple[str, ...]) -> None:
    """A command of the contract that is not built says so, whatever its arguments."""
    code = refused(call, folder, *command, says=(" ".join(command),))
    assert code == "command_not_built"


@pytest.mark.parametrize(
    "command",
    [
        ("status", "b00"),
        ("status", "latest"),
        ("results", "b00"),
        ("rejects", "b00"),
        ("row", "b00", "1"),
        ("resume", "b00"),
    ],
)
def test_an_unknown_batch(call: Call, folder: Path, command: tuple[str, ...]) -> None:
    """Without a database that is said; in one, a batch that is not there is named."""
    assert refused(call, folder, *command) == "database_missing"
    assert not (folder / "sekisho.db").exists()
    assert call("db", "upgrade").status == 0
    assert refused(call, folder, *command, says=(command[1],)) == "batch_not_found"


@pytest.mark.parametrize("command", ["status", "db check", "db upgrade", "dispatch"])
def test_an_unreachable_database(call: Call, folder: Path, command: str) -> None:
    """Every command that needs the database ends with 3 when it does not answer."""
    arguments = (*command.split(), "--db", NOWHERE)
    assert refused(call, folder, *arguments, status=3) == "database_fails"


@pytest.mark.parametrize(
    "command", [("dispatch",), ("worker", "local", "--model", "stub"), ("worker", "cloud")]
)
def test_an_unreachable_redis(call: Call, folder: Path, command: tuple[str, ...]) -> None:
    """What needs Redis ends with 3 when the one named does not answer."""
    url = f"unix://{folder}/none.sock"
    code = refused(call, folder, *command, "--redis", url, status=3, says=("none.sock",))
    assert code == "redis_fails"


def test_a_run_without_redis_leaves_no_batch(call: Call, folder: Path) -> None:
    """When Redis is down nothing of the file is written."""
    arguments = ("run", "rows.csv", "--spec", "spec.toml", "--redis", f"unix://{folder}/none.sock")
    assert refused(call, folder, *arguments, status=3) == "redis_fails"


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("run",),
        ("run", "rows.csv"),
        ("status", "--nonsense"),
        ("worker", "cloud", "--nonsense"),
        ("row", "b1", "one"),
        ("spec", "check"),
    ],
)
def test_wrong_usage(call: Call, arguments: tuple[str, ...]) -> None:
    """What the command line itself does not understand is one line and exit 2."""
    called = call(*arguments)
    assert (called.status, called.out) == (2, "")
    assert called.err.count("\n") == 1
    assert called.err.startswith("sekisho: ")
    assert arguments != ("run", "rows.csv") or "--spec" in called.err
