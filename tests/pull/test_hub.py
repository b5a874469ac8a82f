"""Asking the hub: newest commit, tokens, files that are too large, and what is no hub."""

from pathlib import Path

import pytest

from jobs.errors import ModelError, ServiceError
from tests.hub import NEWER, StandInHub
from workers.hub import Hub, RemoteFile


def test_the_newest_commit_is_told(remote: StandInHub, hub: Hub) -> None:
    """Of the main branch."""
    assert hub.newest_revision(remote.repository) == "1" * 40
    remote.revision = NEWER
    assert hub.newest_revision(remote.repository) == NEWER


def test_a_token_may_stand_in_a_file(remote: StandInHub, tmp_path: Path) -> None:
    """As every secret of ours."""
    (tmp_path / "token").write_text("hf_of_a_file\n")
    asking = Hub({"HF_ENDPOINT": remote.endpoint, "HF_TOKEN_FILE": str(tmp_path / "token")})
    asking.look_up(remote.repository, "model-Q4.gguf", None)
    assert remote.asked[-1].token == "Bearer hf_of_a_file"  # noqa: S105 - of a test


def test_a_file_over_the_librarys_limit_is_named(
    remote: StandInHub, hub: Hub, tmp_path: Path
) -> None:
    """Before a byte is fetched."""
    huge = RemoteFile(remote.repository, "model-Q4.gguf", "1" * 40, "tag", None, 60 * 10**9)
    with pytest.raises(ModelError, match="hub_file_too_large"):
        hub.fetch(huge, tmp_path / "part", lambda _: None)
    assert remote.fetched == []


def test_a_body_of_another_length_is_cut(remote: StandInHub, hub: Hub, tmp_path: Path) -> None:
    """Fewer bytes than were promised: a line that was cut, and what came is kept."""
    content = remote.files["model-Q4.gguf"]
    longer = RemoteFile(
        remote.repository, "model-Q4.gguf", "1" * 40, "tag", None, len(content) + 10
    )
    with pytest.raises(ServiceError, match="hub_cut"):
        hub.fetch(longer, tmp_path / "part", lambda _: None)
    assert (tmp_path / "part").read_bytes() == content


@pytest.mark.parametrize("name", ["maker/model/too/deep", "no spaces/x", "--"])
def test_a_name_that_is_no_repository_is_refused(hub: Hub, name: str) -> None:
    """The library checks names before it asks."""
    with pytest.raises(ModelError, match="hub_no_repository"):
        hub.look_up(name, "a.gguf", None)


def test_a_full_disk_is_no_fault_of_the_hub(remote: StandInHub, hub: Hub, tmp_path: Path) -> None:
    """What cannot be written is said as that."""
    found = hub.look_up(remote.repository, "model-Q4.gguf", None)
    with pytest.raises(ModelError, match="pull_not_written"):
        hub.fetch(found, tmp_path / "no" / "folder" / "part", lambda _: None)
