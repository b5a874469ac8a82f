"""Catalogues of one's own: they win by name, and what is wrong in them is named by its line."""

from pathlib import Path

import pytest

from jobs.errors import SettingError
from workers.catalogue import list_own_files, read_catalogue, suggest_names
from workers.settings import Settings, read_settings

MINE = '[models.mine]\ntitle = "Mine"\nfamily = "Mine"\n'


def settle(tmp_path: Path, text: str = "") -> Settings:
    """Settings of a sekisho.toml, with a models folder beside it."""
    config = tmp_path / "sekisho.toml"
    config.write_text(text)
    (tmp_path / "models").mkdir(exist_ok=True)
    return read_settings(
        config=config, environment={"SEKISHO_MODELS_DIR": str(tmp_path / "models")}
    )


def test_own_entries_win(tmp_path: Path) -> None:
    """Beside sekisho.toml over the models folder over ours; the others stay."""
    settings = settle(tmp_path)
    assert "mine" not in read_catalogue(settings)
    (tmp_path / "models" / "models.toml").write_text(
        MINE + '[models.qwen25-7b]\ntitle = "Folder"\nfamily = "x"\n', encoding="utf-8-sig"
    )
    assert read_catalogue(settings)["qwen25-7b"].title == "Folder"
    (tmp_path / "models.toml").write_text(MINE.replace('"Mine"', '"Beside"', 1))
    known = read_catalogue(settings)
    assert (known["mine"].title, known["qwen25-7b"].title) == ("Beside", "Folder")
    assert known["phi4-14b"].licence == "mit"
    assert len(list_own_files(settings)) == 2


def test_a_path_takes_the_place_of_the_file_beside(tmp_path: Path) -> None:
    """[catalogue] path; it must be there."""
    settings = settle(tmp_path, f"[catalogue]\npath = '{tmp_path}/shared.toml'\n")
    (tmp_path / "models.toml").write_text("this is no TOML")
    with pytest.raises(SettingError, match="catalogue_unreadable"):
        read_catalogue(settings)
    (tmp_path / "shared.toml").write_text(MINE)
    assert "mine" in read_catalogue(settings)


def test_one_file_is_read_once(tmp_path: Path) -> None:
    """The models folder may be the folder of sekisho.toml."""
    config = tmp_path / "sekisho.toml"
    config.touch()
    (tmp_path / "models.toml").write_text(MINE)
    settings = read_settings(config=config, environment={"SEKISHO_MODELS_DIR": str(tmp_path)})
    assert len(list_own_files(settings)) == 1


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        (MINE + "licnce = 'mit'\n", 4, "models.mine.licnce"),
        (MINE + "file_gb = 'big'\n", 4, "models.mine.file_gb"),
        (MINE + "[models.mine.sources]\nlicence = 'a book'\n", 5, "models.mine.sources.licence.0"),
        ("[models.mine]\ntitle = 'Mine'\n", 1, "models.mine.family"),
        ("title = 'x'\n" + MINE, 1, "title"),
        ("models = 3\n", 1, "models"),
        ("", 1, "models"),
        ("\n[models]\nmine = 3\n", 3, "models.mine"),
        ("[models.'a/b']\ntitle = 'x'\nfamily = 'y'\n", 1, "models.a/b"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, line: int, key: str) -> None:
    """File, line and key."""
    settings = settle(tmp_path)
    path = tmp_path / "models.toml"
    path.write_text(text)
    with pytest.raises(SettingError) as caught:
        read_catalogue(settings)
    assert caught.value.code == "catalogue_key_wrong"
    named = caught.value.params
    assert (named["file"], named["line"], named["key"]) == (str(path), line, key)


def test_a_misspelt_key_is_suggested(tmp_path: Path) -> None:
    """As everywhere in settings and specs."""
    settings = settle(tmp_path)
    (tmp_path / "models.toml").write_text(MINE + "licnce = 'mit'\n")
    with pytest.raises(SettingError, match="licence"):
        read_catalogue(settings)


@pytest.mark.parametrize(
    ("name", "suggested"),
    [("qwen2.5-7b", "qwen25-7b"), ("Phi4-14B", "phi4-14b"), ("gemma2", "gemma2-2b")],
)
def test_names_are_suggested(tmp_path: Path, name: str, suggested: str) -> None:
    """The closest first; nothing for what is like none."""
    settings = settle(tmp_path)
    assert suggest_names(settings, name)[0] == suggested
    assert suggest_names(settings, "zzzzzzzz") == []
