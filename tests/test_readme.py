"""The two READMEs say the same, and what they say is what the program does."""

import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import typer
from pydantic import BaseModel

from jobs.export import REJECT_COLUMNS
from jobs.job import BATCH_TRANSITIONS, JOB_TRANSITIONS
from jobs.source import Reject, read_records
from jobs.spec import parse_spec
from jobs.spec.model import NOT_BUILT as KEYS_NOT_BUILT
from jobs.spec.model import NOT_BUILT_VALUES
from jobs.store import open_database, schema
from jobs.store.recovery import MAX_CLAIMS
from jobs.submit import STEP_RECORDS, shape_of
from jobs.views import VIEWS
from workers.cli.app import NOT_BUILT as COMMANDS_NOT_BUILT
from workers.cli.app import app
from workers.settings import (
    CacheSection,
    CatalogueSection,
    CloudSection,
    ConfigFile,
    DeviceSection,
    DispatchSection,
    ModelSection,
    NotifySection,
    WorkerSection,
    read_settings,
)
from workers.supervise import BACKOFF_SECONDS, BARREN_DEATHS_MAX
from workers.watch import read_rules

ROOT: Final = Path(__file__).parent.parent
NAMES: Final = ("README.md", "README.ja.md")
TEXTS: Final = {name: (ROOT / name).read_text(encoding="utf-8") for name in NAMES}
ENGLISH: Final = TEXTS["README.md"]
BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMENTED: Final = ("sh", "toml", "text")
TRANSITIONS: Final[tuple[Mapping[Any, frozenset[Any]], ...]] = (JOB_TRANSITIONS, BATCH_TRANSITIONS)
SECTIONS: Final[dict[str, type[BaseModel]]] = {
    "": ConfigFile,
    "models.NAME.": ModelSection,
    "devices.NAME.": DeviceSection,
    "worker.": WorkerSection,
    "dispatch.": DispatchSection,
    "cloud.": CloudSection,
    "cache.": CacheSection,
    "notify.": NotifySection,
    "catalogue.": CatalogueSection,
}


class Block(NamedTuple):
    """A fenced block: its language and its text."""

    language: str
    text: str


def blocks(text: str, *languages: str) -> list[Block]:
    """Return the fenced blocks, all or those of some languages."""
    found = [Block(*match.groups()) for match in BLOCK.finditer(text)]
    return [block for block in found if not languages or block.language in languages]


def without_comments(block: Block) -> str:
    """Drop `# ...` to the end of each line; output and data have no comments."""
    if block.language not in COMMENTED:
        return block.text
    return "\n".join(re.sub(r"(^|\s+)# .*$|\s+#$", "", line) for line in block.text.splitlines())


def spans(text: str) -> set[str]:
    """Return the inline code outside of blocks."""
    return set(re.findall(r"`([^`\n]+)`", BLOCK.sub("", text)))


def tables(text: str) -> list[list[list[str]]]:
    """Return the cells of each table, without its header."""
    found: list[list[list[str]]] = []
    inside = False
    for line in BLOCK.sub("", text).splitlines():
        if not line.startswith("|"):
            inside = False
        elif inside:
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif line.startswith("|---"):
            found.append([])
            inside = True
    return found


def command_lines() -> Iterator[list[str]]:
    """Yield the arguments of each `sekisho` call that stands in a block or a sentence."""
    lines = [line for block in blocks(ENGLISH, "sh") for line in block.text.splitlines()]
    lines += [span for span in spans(ENGLISH) if span.startswith("sekisho ")]
    for line in lines:
        if match := re.search(r"(?:^|/bin/)sekisho (.*)", line):
            words = shlex.split(match[1], comments=True)
            yield words[: words.index("2>>")] if "2>>" in words else words


def find_command(words: list[str]) -> tuple[Any, list[str]]:
    """Follow the words down the command line's tree; return the command and what is left."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands") and words:
        assert words[0] in command.commands, words
        command, words = command.commands[words[0]], words[1:]
    return command, words


def options_of(command: Any) -> set[str]:
    """Return a command's options, those of its subcommands included."""
    own = {option for parameter in command.params for option in parameter.opts}
    for child in getattr(command, "commands", {}).values():
        own |= options_of(child)
    return own


def test_headings_correspond() -> None:
    """Both READMEs have as many headings, of the same levels in the same order."""
    levels = [
        [len(marks) for marks in re.findall(r"^(#+) ", BLOCK.sub("", text), re.MULTILINE)]
        for text in TEXTS.values()
    ]
    assert len(levels[0]) >= 20
    assert levels[0] == levels[1]


def test_blocks_are_the_same() -> None:
    """Commands, files, queries and output are the same in both; only comments differ."""
    english, japanese = (
        [(block.language, without_comments(block)) for block in blocks(text)]
        for text in TEXTS.values()
    )
    assert english == japanese


def test_sentences_name_the_same_things() -> None:
    """The same names stand as inline code in both."""
    assert spans(TEXTS["README.md"]) == spans(TEXTS["README.ja.md"])


def test_tables_have_the_same_first_columns() -> None:
    """Each table has the same lines in both."""
    english, japanese = (
        [[re.findall(r"`[^`]+`|\d+", line[0]) for line in table] for table in tables(text)]
        for text in TEXTS.values()
    )
    assert english == japanese


def test_commands_and_options_exist() -> None:
    """Every command shown is one of the program's, and has the options it is shown with."""
    seen = list(command_lines())
    assert len(seen) >= 20
    for words in seen:
        command, rest = find_command(words)
        given = {word for word in rest if word.startswith("--")} - {"--help"}
        assert given <= options_of(command), words


def test_options_in_sentences_exist() -> None:
    """Every option named in a sentence is an option of some command."""
    known = options_of(typer.main.get_command(app))
    named = {word for span in spans(ENGLISH) for word in re.findall(r"--[a-z][a-z-]+", span)}
    assert named
    assert named - {"--help"} <= known


def test_make_targets_exist() -> None:
    """Every `make` target named is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", ENGLISH, re.MULTILINE))
    assert {"run", "test"} <= named <= targets


def test_files_named_exist() -> None:
    """Every file of the project that is named is there."""
    places = ("examples/", "jobs/", "workers/")
    named = {span for span in spans(ENGLISH) if span.startswith(places)}
    named |= {"LICENSE", "CHANGELOG.md", *re.findall(r"\]\(([^#)]+)\)", ENGLISH)}
    assert all((ROOT / name).is_file() for name in named), named


@pytest.mark.parametrize("name", NAMES)
def test_transitions_are_the_codes(name: str) -> None:
    """Every legal transition of jobs and batches stands as `a -> b`, and no other does."""
    shown = [
        set(re.findall(r"^(\w+) -> (\w+)\b", block.text, re.MULTILINE))
        for block in blocks(TEXTS[name], "text")
    ]
    legal = [
        {(before.value, after.value) for before, afters in table.items() for after in afters}
        for table in TRANSITIONS
    ]
    assert [transitions for transitions in shown if transitions] == legal
    assert len(re.findall(r"\w -> \w", TEXTS[name])) == sum(map(len, legal))


def test_drawn_states_exist() -> None:
    """The drawings' arrows begin and end at states of the code."""
    drawings = [block.text for block in blocks(ENGLISH, "text") if "===>" in block.text]
    for drawing, table in zip(drawings, TRANSITIONS, strict=True):
        drawn = set(re.findall(r"(\w+) =+>|=+> (\w+)", drawing))
        assert {state for pair in drawn for state in pair if state} <= {s.value for s in table}


def test_settings_are_the_codes() -> None:
    """The table holds every key of sekisho.toml, each with its default."""
    decided = read_settings(environment={}, config=None)
    expected: dict[str, Any] = {}
    for prefix, model in SECTIONS.items():
        for key, field in model.model_fields.items():
            if not any(name.startswith(f"{key}.") for name in SECTIONS):
                expected[prefix + key] = field.default
    expected["database_url"], expected["models_dir"] = decided.database_url, decided.models_dir
    shown = {
        line[0].strip("`"): None if line[1] == "-" else tomllib.loads(f"it = {line[1].strip('`')}")
        for line in next(table for table in tables(ENGLISH) if "database_url" in table[0][0])
    }
    assert shown.keys() == expected.keys()
    for key, default in expected.items():
        told = shown[key]
        value = None if told is None else told["it"]
        kind = type(default)
        if kind in (Decimal, type(ROOT)):
            value = str(value)
        same = kind in (Decimal, type(ROOT), tuple)
        assert (kind(value) if same else value) == default, key


def test_settings_files_are_good() -> None:
    """The examples of sekisho.toml pass, and the device's rate shown is the default."""
    files = [block.text for block in blocks(ENGLISH, "toml") if "# sekisho.toml" in block.text]
    parsed = [ConfigFile.model_validate(tomllib.loads(text)) for text in files]
    assert len(parsed) == 3
    assert parsed[-1].devices == {"cpu": DeviceSection()}


def test_spec_and_file_are_good(tmp_path: Path) -> None:
    """The minimal spec passes, also with another route, and reads its file; so do the changes."""
    others = ("sekisho.toml", "watch.toml")
    specs = [
        block.text
        for block in blocks(ENGLISH, "toml")
        if not any(name in block.text for name in others)
    ]
    cloud, minimal, route = specs
    rest = '[task]\nkind = "classify"\nlabels = ["a", "b"]\n[input]\ntext = "text"\n'
    changed = parse_spec(f'name = "orders"\n{cloud}\n{rest}', "orders.toml")
    assert (changed.timezone, changed.policy.data_class) == ("Asia/Tokyo", "open")
    assert parse_spec(f"{minimal}\n{route}", "inquiries.toml").route.tiers == ("qwen-7b",)
    path = tmp_path / "inquiries.csv"
    path.write_text(blocks(ENGLISH, "csv")[0].text, encoding="utf-8")
    records = list(read_records(path, shape_of(parse_spec(minimal, "inquiries.toml"))))
    rejects = [record.reason_code for record in records if isinstance(record, Reject)]
    assert (len(records), rejects) == (4, ["empty_text"])


def test_the_rules_of_a_folder_are_good(tmp_path: Path) -> None:
    """The watch.toml that is shown is one, in both languages."""
    for name in ("README.md", "README.ja.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        shown = [block.text for block in blocks(text, "toml") if "watch.toml" in block.text]
        path = tmp_path / "watch.toml"
        path.write_text(shown[0], encoding="utf-8")
        assert [rule.folder for rule in read_rules(path).file.rules] == ["cs"]


def test_queries_run(tmp_path: Path) -> None:
    """Every query runs on a new SQLite database, and every view named exists."""
    database = open_database(f"sqlite:///{tmp_path / 'sekisho.db'}")
    schema.upgrade(database)
    queries = [block.text for block in blocks(ENGLISH, "sql")]
    assert len(queries) >= 3
    with database.read() as connection:
        for query in queries:
            assert connection.exec_driver_sql(query).all() == []
    database.close()
    of_a_view = re.compile(r"(fct|dim|what_if)_\w+")
    assert {span for span in spans(ENGLISH) if of_a_view.fullmatch(span)} == set(VIEWS)


def test_columns_of_the_output_are_the_programs() -> None:
    """The rejects printed have the columns that the program prints."""
    assert any(block.text.startswith(",".join(REJECT_COLUMNS)) for block in blocks(ENGLISH, "text"))


def test_what_is_not_built_is_the_codes() -> None:
    """The list of what is refused is the one that the program refuses."""
    listed = next(b.text for b in blocks(ENGLISH, "text") if b.text.startswith("commands: "))
    lines = listed.replace("\n  ", " ").strip().splitlines()
    shown = {head: rest.split(", ") for head, rest in (line.split(": ", 1) for line in lines)}
    assert shown == {
        "commands": [
            *COMMANDS_NOT_BUILT,
            "report quality",
            "report cost",
        ],
        "options": ["plan --show-outbound"],
        "spec keys": list(KEYS_NOT_BUILT),
        "spec values": [f"{key}={value}" for key, of in NOT_BUILT_VALUES.items() for value in of],
    }
    for words in shown["commands"] + shown["options"]:
        command, rest = find_command(words.split())
        assert set(rest) <= options_of(command)


def test_environment_variables_exist() -> None:
    """Every variable of ours that is named is read somewhere."""
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("jobs", "workers")
        for path in (ROOT / folder).rglob("*.py")
    )
    compose = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"SEKISHO_[A-Z_]+", ENGLISH))
    assert len(named) >= 7
    for name in named:
        # A secret is read by `read_secret`, which knows the variable without `_FILE`.
        assert f'"{name.removesuffix("_FILE")}"' in code or f"${{{name}:-" in compose, name


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_the_codes(name: str) -> None:
    """The numbers of the chapter on deaths are the program's."""
    worker, dispatch = WorkerSection(), DispatchSection()
    ja = name == "README.ja.md"
    said = [
        f"{worker.commit_rows} {'行ごと' if ja else 'rows'}",
        f"{worker.commit_ms} {'ミリ秒ごと' if ja else 'ms'}",
        f"{worker.lease_seconds:.0f} {'秒のリース' if ja else 'seconds'}",
        f"{worker.stall_seconds:.0f} {'秒を超える' if ja else 'seconds'}",
        f"{dispatch.resend_seconds:.0f} {'秒後' if ja else 'seconds'}",
        f"{BACKOFF_SECONDS[0]} {'秒から' if ja else 'to'} {BACKOFF_SECONDS[-1]:.0f}",
        f"{STEP_RECORDS:,} {'件ずつ' if ja else 'with'}",
        f"{MAX_CLAIMS} 回" if ja else "five times",
        f"{BARREN_DEATHS_MAX} 回続けて" if ja else "three times in a row",
    ]
    assert [words for words in said if words not in TEXTS[name]] == []
    assert (MAX_CLAIMS, BARREN_DEATHS_MAX) == (5, 3)
