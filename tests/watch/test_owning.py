"""What is Sekisho's own in a watched folder is never taken."""

from pathlib import Path

from workers.settings import read_settings
from workers.watch.folder import Folder
from workers.watch.owning import own_paths
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
