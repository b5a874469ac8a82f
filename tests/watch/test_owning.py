"""What is Sekisho's own in a watched folder is never taken."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from jobs.errors import SettingError
from workers.settings import read_settings
from workers.watch.folder import Folder
from workers.watch.owning import check_results, own_paths
from workers.watch.rules import read_rules


def test_rules_specs_results_models_and_database_are_left_out(tmp_path: Path) -> None:
    """A rule for everything must not take the database it is written into; outside is not named."""
    (tmp_path / "drop").mkdir()
    drop = tmp_path / "drop"
    (drop / "watch.toml").write_text('[[rules]]\nspec = "s/a.toml"\nresults = "out"\n')
    (drop / "sekisho.toml").write_text('[models.m]\npath = "elsewhere/m.gguf"\n')
    settings = read_settings(
        database_url=f"sqlite:///{drop / 'x.db'}",
        config=drop / "sekisho.toml",
        environment={"SEKISHO_MODELS_DIR": str(drop / "models")},
    )
    folder = Folder(drop, tmp_path / "private")
    own = own_paths(settings, folder, read_rules(drop / "watch.toml"))
    folder.close()
    assert own == {
        "watch.toml",
        "s/a.toml",
        "out",
        "models",
        "sekisho.toml",
        ".sekisho/x.db",
        *(f"x.db{end}" for end in ("", "-wal", "-shm", "-journal")),
    }


@pytest.mark.parametrize(
    ("rules", "refused"),
    [
        ('results = "."', True),
        ('folder = "in"\nresults = "in"', True),
        ('folder = "IN/jp"\nresults = "in"', True),
        ('folder = "in"\nresults = "in/out"', False),
        ('folder = "*"\nresults = "out"', False),
        ('results = "processed"', False),
        ('results = "../out"', False),
        ('folder = "."', False),
    ],
)
def test_results_do_not_stand_among_the_files(tmp_path: Path, rules: str, refused: bool) -> None:
    """They would be taken for files, or files beside them would wait for ever without a word."""
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "watch.toml").write_text(f'[[rules]]\nspec = "a.toml"\n{rules}\n')
    folder = Folder(drop, tmp_path / "private")
    with pytest.raises(SettingError) if refused else nullcontext() as raised:
        check_results(folder, read_rules(drop / "watch.toml"))
    folder.close()
    assert not refused or (raised is not None and raised.value.code == "watch_results_among_files")
