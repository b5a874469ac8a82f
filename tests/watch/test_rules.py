"""watch.toml: the first rule that fits counts; what is wrong is named with line and key."""

from pathlib import Path

import pytest

from jobs.errors import SettingError
from workers.watch.rules import Rules, read_rules


def read(folder: Path, text: str) -> Rules:
    """Read these rules."""
    path = folder / "watch.toml"
    path.write_text(text, encoding="utf-8")
    return read_rules(path)


def refused(folder: Path, text: str) -> SettingError:
    """The complaint about these rules."""
    with pytest.raises(SettingError) as raised:
        read(folder, text)
    return raised.value


def test_the_first_rule_that_fits_counts(tmp_path: Path) -> None:
    """Rules are tried in order: sub-folder, name pattern, both or neither."""
    rules = read(
        tmp_path,
        """
        [[rules]]
        folder = "cs/jp"
        match = ["*.csv", "*.tsv"]
        spec = "jp.toml"
        [[rules]]
        folder = "cs"
        spec = "cs.toml"
        [[rules]]
        folder = "."
        match = "orders-*.csv"
        spec = "orders.toml"
        """,
    )
    fits = {
        "cs/jp/a.csv": "jp.toml",
        "cs/jp/deep/a.TSV": "jp.toml",
        "cs/jp/a.json": "cs.toml",
        "cs/a.csv": "cs.toml",
        "orders-1.csv": "orders.toml",
        "ORDERS-1.CSV": "orders.toml",
        "other/orders-1.csv": None,
        "a.csv": None,
    }
    for path, spec in fits.items():
        found = rules.find(path)
        assert (None if found is None else found.spec) == spec, path


def test_a_folder_pattern_means_folders_below(tmp_path: Path) -> None:
    """A star stands for any folder below, not for the watched one."""
    rules = read(tmp_path, '[[rules]]\nfolder = "*"\nspec = "s.toml"\n')
    assert rules.find("a/b.csv") is not None
    assert rules.find("b.csv") is None


def test_paths_are_relative_to_the_rules(tmp_path: Path) -> None:
    """Specs and results stand where the file of the rules says, wherever one starts."""
    rules = read(tmp_path, '[[rules]]\nspec = "s/a.toml"\nresults = "out"\n')
    rule = rules.file.rules[0]
    assert rules.spec_path(rule) == tmp_path / "s" / "a.toml"
    assert rules.results_folder(rule) == tmp_path / "out"


def test_a_rule_may_have_its_own_settle_time(tmp_path: Path) -> None:
    """Else that of all."""
    rules = read(
        tmp_path,
        'settle_seconds = 3\n[[rules]]\nmatch="a*"\nspec="a"\nsettle_seconds = 0\n'
        '[[rules]]\nspec="b"\nallow_bad = "2%"\n',
    )
    assert (rules.settle_seconds("a1"), rules.settle_seconds("b1")) == (0, 3)
    assert [str(rule.allow_bad) for rule in rules.file.rules] == ["0", "2%"]


@pytest.mark.parametrize(
    ("text", "code", "line", "key"),
    [
        ("", "watch_key_missing", 1, "rules"),
        ('[[rules]]\nmatch = "*"\n', "watch_key_missing", 1, "rules.spec"),
        (
            '[[rules]]\nspec = "a"\n[[rules]]\nmatch = "*"\n[[rules]]\nspec = "b"\n',
            "watch_key_missing",
            3,
            "rules.spec",
        ),
        ('[[rules]]\nsepc = "a"\n', "watch_key_misspelt", 2, "rules.sepc"),
        ('[[rules]]\nspec = "a"\nzzz = 1\n', "watch_key_unknown", 3, "rules.zzz"),
        ('setle_seconds = 1\n[[rules]]\nspec = "a"\n', "watch_key_misspelt", 1, "setle_seconds"),
        (
            '[[rules]]\nspec = "a"\n[[rules]]\nspec = "b"\nallow_bad = "many"\n',
            "watch_value_wrong",
            5,
            "rules.allow_bad",
        ),
        ('[[rules]]\nspec = "a"\nallow_bad = true\n', "watch_value_wrong", 3, "rules.allow_bad"),
        ('[[rules]]\nspec = "a"\nfolder = "../x"\n', "watch_value_wrong", 3, "rules.folder"),
        ('[[rules]]\nspec = "a"\nfolder = "failed/x"\n', "watch_value_wrong", 3, "rules.folder"),
        ('unmatched = "burn"\n[[rules]]\nspec = "a"\n', "watch_value_wrong", 1, "unmatched"),
        ('settle_seconds = -1\n[[rules]]\nspec = "a"\n', "watch_value_wrong", 1, "settle_seconds"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, code: str, line: int, key: str) -> None:
    """The file, the line and the key, of the rule that it is about."""
    error = refused(tmp_path, text)
    assert error.code == code
    assert (error.params["line"], error.params["key"]) == (line, key)
    assert error.params["file"] == str(tmp_path / "watch.toml")


def test_a_file_that_is_no_toml(tmp_path: Path) -> None:
    """Neither a missing file nor one that is no TOML is a list of rules."""
    assert refused(tmp_path, "[[rules").code == "watch_rules_unreadable"
    with pytest.raises(SettingError):
        read_rules(tmp_path / "none.toml")
