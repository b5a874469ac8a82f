"""The producers' examples do what they say: the nightly script really, others by stand-in."""

import builtins
import csv
import dis
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest

from jobs.client import Client
from jobs.store import Database
from tests.client.conftest import url_of
from tests.store.making import SPEC, drive

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "producers"
CONFIG = '[models.stub]\nengine = "stub"\n'
ROWS = "id,text,store\nr1,where is it,t\nr2,money back,o\n"
GOOD_NIGHT = "#!/bin/sh\nexec '{python}' -c 'from workers.cli import main; main()' \"$@\"\n"
DOWN_TWICE = """#!/bin/sh
echo "$@" >> calls
[ "$(wc -l < calls)" -gt 2 ] && echo '{{"status": "closed"}}' && exit 0
echo '{{"error": {{}}}}'; exit 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the night's work is: rows, a spec, and the engine that only pretends."""
    for name, text in {"rows.csv": ROWS, "spec.toml": SPEC, "sekisho.toml": CONFIG}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def command(folder: Path, script: str) -> Path:
    """A `sekisho` of the test's own."""
    path = folder / "sekisho"
    path.write_text(script.format(python=sys.executable))
    path.chmod(0o755)
    return path


def run_night(
    folder: Path, script: str = GOOD_NIGHT, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run the script as cron would."""
    return subprocess.run(
        [EXAMPLES / "nightly.sh", "rows.csv", "spec.toml", "out"],
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "TMPDIR": os.environ.get("TMPDIR", "/tmp"),  # noqa: S108 - as the system has it
            "PYTHONPATH": str(ROOT),
            "SEKISHO_LANG": "en",
            "SEKISHO": str(command(folder, script)),
            "PAUSE_SECONDS": "0",
            **variables,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def report(folder: Path) -> dict[str, Any]:
    """What the night reports."""
    data: dict[str, Any] = json.loads((folder / "out" / "report.json").read_text())
    return data


def test_a_good_night_is_silent(folder: Path) -> None:
    """Rows are answered, the report and the answers lie there; the next night has nothing to do."""
    ended = run_night(folder)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    first = report(folder)
    assert (first["status"], first["rows"], first["done"]) == ("closed", 2, 2)
    with (folder / "out" / "answers.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [line["source_id"] for line in csv.DictReader(file)] == ["r1", "r2"]
    assert "exit status 0" in (folder / "out" / "nightly.log").read_text()
    assert run_night(folder).returncode == 0
    assert report(folder)["batch_id"] == first["batch_id"]


def test_a_night_that_needs_a_hand_says_so(folder: Path) -> None:
    """Bad rows beyond ALLOW_BAD or a wrong spec are printed, so that cron mails them, once."""
    with (folder / "rows.csv").open("a") as file:
        file.write("r3,,t\n")
    bad = run_night(folder)
    assert (bad.returncode, bad.stderr) == (1, "")
    assert "exit status 1" in bad.stdout
    assert '"rejected": 1' in bad.stdout
    assert run_night(folder, ALLOW_BAD="50%").returncode == 0
    (folder / "spec.toml").write_text("name = 1\n")
    wrong = run_night(folder)
    assert wrong.returncode == 2
    assert "error" in report(folder)
    assert (folder / "out" / "nightly.log").read_text().count("try 1:") == 3
    assert "try 2" not in (folder / "out" / "nightly.log").read_text()


def test_a_service_that_is_down_is_tried_again(folder: Path) -> None:
    """The same command, up to TRIES times."""
    assert run_night(folder, DOWN_TWICE, TRIES="2").returncode == 3
    (folder / "calls").unlink()
    assert run_night(folder, DOWN_TWICE).returncode == 0
    calls = (folder / "calls").read_text().splitlines()
    assert len(calls) == 3
    assert set(calls) == {
        "run rows.csv --spec spec.toml --allow-bad 0 --json --out out/answers.csv"
    }


def test_two_nights_do_not_overlap(folder: Path) -> None:
    """While one works the other does nothing and says so."""
    script = "#!/bin/sh\necho started > started\nread line < go\necho '{{}}'\n"
    os.mkfifo(folder / "go")
    os.mkfifo(folder / "started")
    first = subprocess.Popen(
        [EXAMPLES / "nightly.sh", "rows.csv", "spec.toml", "out"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "SEKISHO": str(command(folder, script))},
    )
    assert (folder / "started").read_text() == "started\n"
    second = run_night(folder, script)
    assert (second.returncode, second.stdout) == (75, "")
    assert "did nothing" in second.stderr
    (folder / "go").write_text("on\n")
    assert first.wait(60) == 0


def test_the_crontab_calls_the_script_rightly() -> None:
    """Five fields of time, % escaped, and as many arguments as the script takes."""
    lines = (EXAMPLES / "crontab").read_text().splitlines()
    (line,) = [line for line in lines if re.match(r"[\d*]", line)]
    *when, rest = line.split(maxsplit=5)
    assert len(when) == 5
    assert "%" not in rest.replace("\\%", "")
    words = shlex.split(rest.replace("\\%", "%"))
    called = words[words.index("./nightly.sh") :]
    assert len(called) == 4
    assert "ALLOW_BAD=2%" in words


def load(name: str, stand_ins: dict[str, ModuleType]) -> ModuleType:
    """Import an example with stand-ins for the modules it has not got here."""
    spec = importlib.util.spec_from_file_location(name.removesuffix(".py"), EXAMPLES / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with patch.dict(sys.modules, stand_ins):
        spec.loader.exec_module(module)
    return module


class Task:
    """What a decorated function is to Airflow: called in a DAG it only notes that it was."""

    def __init__(self, function: Callable[..., Any], calls: list[str]) -> None:
        self.function = function
        self._calls = calls

    def __call__(self, *_: object, **__: object) -> str:
        """Stand for the value that the task will return."""
        self._calls.append(self.function.__name__)
        return f"<{self.function.__name__}>"


def airflow(calls: list[str]) -> dict[str, ModuleType]:
    """The two names the example takes from Airflow."""
    sdk = ModuleType("airflow.sdk")

    class Decorators:
        @staticmethod
        def external_python(**settings: object) -> Callable[[Callable[..., Any]], Task]:
            assert {"python", "expect_airflow", "retries"} <= settings.keys()
            return lambda function: Task(function, calls)

    def dag(**settings: object) -> Callable[[Callable[[], None]], Callable[[], None]]:
        assert settings["catchup"] is False
        return lambda function: function

    sdk.task, sdk.dag = Decorators, dag  # type: ignore[attr-defined]
    return {"airflow": ModuleType("airflow"), "airflow.sdk": sdk}


@pytest.fixture
def url(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a database with tables; every example runs on both kinds."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return url_of(database)


def test_the_tasks_of_the_airflow_dag(database: Database, url: str, folder: Path) -> None:
    """In their order, each by itself, and each again, as a retry would do."""
    calls: list[str] = []
    module = load("airflow_dag.py", airflow(calls))
    assert calls == ["hand_in", "wait", "write_answers"]
    hand_in, wait, write = (getattr(module, name).function for name in calls)
    rows, spec, out = folder / "rows.csv", folder / "spec.toml", folder / "out.csv"
    batch_id = hand_in(url, str(spec), str(rows))
    assert hand_in(url, str(spec), str(rows)) == batch_id
    drive(database)
    assert wait(url, batch_id, 10, 0.0) == batch_id
    for _ in range(2):
        assert write(url, batch_id, str(out)) == 2
    with out.open(encoding="utf-8", newline="") as file:
        assert [line["id"] for line in csv.DictReader(file)] == ["r1", "r2"]
    rows.write_text(f"{ROWS}r3,,t\n")
    bad_id = hand_in(url, str(spec), str(rows))
    drive(database)
    with pytest.raises(RuntimeError, match="1 of 3 rows"):
        wait(url, bad_id, 10, 0.02)
    rows.write_text('id,text,store\nr1,"never closed')
    with pytest.raises(RuntimeError, match="record 1"):
        hand_in(url, str(spec), str(rows))


def test_tasks_of_airflow_need_nothing_of_their_module() -> None:
    """A task runs in another Python: it may use no global name but builtins."""
    module = load("airflow_dag.py", airflow([]))
    for name in ("hand_in", "wait", "write_answers"):
        steps = dis.get_instructions(getattr(module, name).function)
        used = {step.argval for step in steps if step.opname == "LOAD_GLOBAL"}
        assert used <= vars(builtins).keys()


def test_the_function_of_the_dagster_asset(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """Rows in, labels out, None where there is no result; the run's metadata names the batch."""
    monkeypatch.setenv("TICKETS_SPEC", str(folder / "spec.toml"))
    monkeypatch.setenv("SEKISHO_DATABASE_URL", url)
    dagster = ModuleType("dagster")
    dagster.asset = lambda **_: lambda function: function  # type: ignore[attr-defined]
    dagster.RetryPolicy = dict  # type: ignore[attr-defined]
    dagster.AssetExecutionContext = object  # type: ignore[attr-defined]
    module = load("dagster_asset.py", {"dagster": dagster})
    rows: list[dict[str, Any]] = [{"id": 1, "text": "a"}, {"id": 2, "text": "b"}, {"id": 3}]
    with Client(url) as client:
        client.submit(rows, module.SPEC)
    drive(database)
    told: list[dict[str, Any]] = []

    class Context:
        add_output_metadata = staticmethod(told.append)

    assert module.ticket_labels(Context(), rows) == {"1": "refund", "2": "refund"}
    assert (told[0]["rows"], told[0]["done"], told[0]["without a result"]) == (3, 2, 1)


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_the_readme_shows_what_there_is(name: str) -> None:
    """Its Python compiles, its files exist, and both languages show the same code."""
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        compile(block, name, "exec")
        for attribute in re.findall(r"client\.(\w+)\(", block):
            assert hasattr(Client, attribute)
    for file in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE):
        assert all((EXAMPLES / one).is_file() for one in re.findall(r"`(.*?)`", file))
    commands = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    assert [line.split("#")[0].strip() for line in commands[0].splitlines()] == [
        "sekisho db upgrade",
        "sekisho dispatch &",
        "sekisho worker local --model smollm2-135m &",
    ]
