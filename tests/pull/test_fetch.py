"""Fetching: whole or not at all, on from where it was cut, never other bytes than were promised."""

import hashlib
import shutil
import threading
from pathlib import Path

import pytest

from jobs.errors import ModelError, SekishoError, ServiceError, SettingError
from tests.hub import COMMIT, NEWER, StandInHub
from tests.pull.conftest import GGUF, NAME, OTHER, Heard, MakeOrder
from workers.hub import Hub
from workers.origin import origin_path, read_origin
from workers.pull import Order, fetch_model
from workers.pull import fetch as fetching
from workers.pull.order import SPARE_BYTES

TOKEN = "Bearer hf_of_a_test"  # noqa: S105 - of a stand-in
SHA256 = hashlib.sha256(GGUF).hexdigest()


def models_of(order: Order) -> list[str]:
    """What stands in the models folder, apart from what is under way."""
    return sorted(path.name for path in order.folder.iterdir() if path.name != ".pull")


def parts_of(order: Order) -> list[Path]:
    """What has come of files that are not whole."""
    return sorted((order.folder / ".pull").glob("*.part"))


def test_a_model_is_fetched_and_recorded(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """The file has the model's name; source, revision, size and hash stand beside it."""
    asked = order()
    pulled = fetch_model(asked, hub, heard.say, heard.show)
    assert (pulled.made, pulled.path.read_bytes()) == (True, GGUF)
    assert models_of(asked) == [f"{NAME}.gguf", f"{NAME}.gguf.json"]
    origin = read_origin(pulled.path)
    assert origin == pulled.origin
    assert origin is not None
    assert (origin.revision, origin.sha256, origin.bytes) == (COMMIT, SHA256, len(GGUF))
    assert (origin.repository, origin.checked) == (remote.repository, "hub")
    assert heard.shown[-1] == ("model-Q4.gguf", len(GGUF), len(GGUF))
    assert f"/resolve/{COMMIT}/" in remote.fetched[0].path
    assert remote.fetched[0].token == TOKEN
    assert parts_of(asked) == []


def test_a_second_pull_asks_nobody(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """What is there with the recorded hash is enough; what was changed is refused."""
    fetch_model(order(), hub, heard.say, heard.show)
    asked = len(remote.asked)
    again = fetch_model(order(), hub, heard.say, heard.show)
    assert (again.made, len(remote.asked)) == (False, asked)
    again.path.write_bytes(OTHER)
    with pytest.raises(ModelError, match="model_hash_differs"):
        fetch_model(order(), hub, heard.say, heard.show)
    assert fetch_model(order(force=True), hub, heard.say, heard.show).made
    assert again.path.read_bytes() == GGUF


def test_a_cut_line_is_gone_on_with(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """Within one pull the library asks for the rest."""
    remote.faults = ["cut"]
    pulled = fetch_model(order(), hub, heard.say, heard.show)
    assert pulled.path.read_bytes() == GGUF
    assert [one.byte_range for one in remote.fetched] == [None, f"bytes={len(GGUF) // 2}-"]


def test_an_interrupted_pull_is_gone_on_with_by_the_next(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """Nothing that looks whole is left; the next pull asks only for what is missing."""
    asked = order()

    def interrupt(_name: str, have: int, _total: int | None) -> None:
        if have:
            raise KeyboardInterrupt

    remote.faults = ["cut"]
    with pytest.raises(KeyboardInterrupt):
        fetch_model(asked, hub, heard.say, interrupt)
    assert models_of(asked) == []
    (part,) = parts_of(asked)
    part.write_bytes(GGUF[:30])
    remote.asked.clear()
    assert fetch_model(asked, hub, heard.say, heard.show).path.read_bytes() == GGUF
    assert [one.byte_range for one in remote.fetched] == ["bytes=30-"]
    assert heard.shown[0] == ("model-Q4.gguf", 30, len(GGUF))


def test_a_server_that_ignores_the_range_costs_only_bytes(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """The whole body comes again and takes the place of what was kept."""
    asked = order()
    remote.faults = ["500"]
    with pytest.raises(ServiceError):
        fetch_model(asked, hub, heard.say, heard.show)
    remote.faults = []
    fetch_model(asked, hub, heard.say, heard.show).path.unlink()
    origin_path(asked.folder / f"{NAME}.gguf").unlink()
    part = fetching._part_path(asked, hub.look_up(remote.repository, "model-Q4.gguf", None))
    part.write_bytes(GGUF[:20])
    remote.faults = ["no_range"]
    assert fetch_model(asked, hub, heard.say, heard.show).path.read_bytes() == GGUF


def test_spoilt_leftovers_are_thrown_away(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """What was kept spoils the hash: it is fetched once more from the first byte."""
    asked = order()
    (asked.folder / ".pull").mkdir()
    part = fetching._part_path(asked, hub.look_up(remote.repository, "model-Q4.gguf", None))
    part.write_bytes(b"x" * 40)
    assert fetch_model(asked, hub, heard.say, heard.show).path.read_bytes() == GGUF
    assert [one.byte_range for one in remote.fetched] == ["bytes=40-", None]


def test_leftovers_of_another_version_are_deleted(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """They are no part of this file; those of another model with a similar name stay."""
    asked = order()
    folder = asked.folder / ".pull"
    folder.mkdir()
    old, neighbour = folder / f"{NAME}.{'a' * 16}.part", folder / f"{NAME}.v2.{'a' * 16}.part"
    for path in (old, neighbour):
        path.write_bytes(b"old")
    fetch_model(asked, hub, heard.say, heard.show)
    assert parts_of(asked) == [neighbour]


def test_other_bytes_than_promised_are_refused(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """A wrong hash leaves nothing at all."""
    asked = order()
    remote.faults = ["wrong"]
    with pytest.raises(ModelError, match="pull_hash_differs"):
        fetch_model(asked, hub, heard.say, heard.show)
    assert (models_of(asked), parts_of(asked)) == ([], [])


def test_a_file_that_is_no_gguf_is_refused(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """Whole and with the right hash, and still no model."""
    asked = order()
    remote.files["model-Q4.gguf"] = b"<html>log in</html>"
    with pytest.raises(ModelError, match="pull_no_gguf"):
        fetch_model(asked, hub, heard.say, heard.show)
    assert (models_of(asked), parts_of(asked)) == ([], [])


@pytest.mark.parametrize(
    ("faults", "kind", "code"),
    [
        (["401"], SettingError, "hub_gated"),
        (["403"], SettingError, "hub_gated"),
        (["404"], ModelError, "hub_no_file"),
        (["410"], ModelError, "hub_no_repository"),
        (["411"], ModelError, "hub_no_revision"),
        (["503"], ServiceError, "hub_failed"),
        (["no_commit"], ServiceError, "hub_strange"),
    ],
)
def test_what_the_hub_refuses_is_named(
    order: MakeOrder,
    hub: Hub,
    remote: StandInHub,
    heard: Heard,
    faults: list[str],
    kind: type[SekishoError],
    code: str,
) -> None:
    """Each refusal has a code of its own, and nothing is left."""
    remote.faults = faults
    with pytest.raises(kind) as caught:
        fetch_model(order(), hub, heard.say, heard.show)
    assert caught.value.code == code
    assert models_of(order()) == []


def test_a_failure_in_the_middle_keeps_what_came(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """The line is cut, then the hub is down: the first half is still there."""
    asked = order()
    remote.faults = ["cut", "500"]
    with pytest.raises(ServiceError, match="hub_failed"):
        fetch_model(asked, hub, heard.say, heard.show)
    assert models_of(asked) == []
    assert [part.read_bytes() for part in parts_of(asked)] == [GGUF[: len(GGUF) // 2]]


def test_a_hub_that_is_not_there(order: MakeOrder, heard: Heard) -> None:
    """Nobody listens: a service that is down, exit 3."""
    nobody = Hub({"HF_ENDPOINT": "http://127.0.0.1:1"})
    with pytest.raises(ServiceError, match="hub_down"):
        fetch_model(order(), nobody, heard.say, heard.show)


def test_the_token_stays_with_the_hub(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """A redirect to another host is followed without the token."""
    remote.faults = ["redirect"]
    fetch_model(order(), hub, heard.say, heard.show)
    assert [one.token for one in remote.fetched] == [TOKEN, None]
    assert remote.fetched[1].path.startswith("/cdn/")


def test_without_a_token_none_is_sent(
    order: MakeOrder, remote: StandInHub, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only HF_TOKEN counts, not what the library would find elsewhere."""
    monkeypatch.setattr("huggingface_hub.utils._headers.get_token", lambda: "hf_of_a_file")
    fetch_model(order(), Hub({"HF_ENDPOINT": remote.endpoint}), heard.say, heard.show)
    assert {one.token for one in remote.asked} == {None}


def test_a_revision_is_asked_for(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """The file of that revision, whatever hash the catalogue gives for the newest."""
    pulled = fetch_model(order({"sha256": "a" * 64}, revision="v1.0"), hub, heard.say, heard.show)
    assert "/resolve/v1.0/" in remote.asked[0].path
    assert pulled.origin.revision == COMMIT


def test_a_file_that_was_exchanged_is_not_fetched(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """The catalogue gives a hash: another one is said before a byte has come."""
    with pytest.raises(ModelError, match="pull_changed"):
        fetch_model(order({"sha256": "a" * 64}), hub, heard.say, heard.show)
    assert remote.fetched == []
    assert fetch_model(order({"sha256": SHA256}), hub, heard.say, heard.show).made


def test_another_file_of_that_name_is_not_replaced(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """Only by --force; the hub's own file that lies there without a record is recognised."""
    asked = order()
    path = asked.folder / f"{NAME}.gguf"
    path.write_bytes(OTHER)
    with pytest.raises(ModelError, match="pull_other_file"):
        fetch_model(asked, hub, heard.say, heard.show)
    assert path.read_bytes() == OTHER
    path.write_bytes(GGUF)
    known = fetch_model(asked, hub, heard.say, heard.show)
    assert (known.made, read_origin(path)) == (False, known.origin)
    assert remote.fetched == []


def test_a_newer_file_takes_the_place_of_the_old(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """With --force the newest is fetched; without, the one that was pulled stays."""
    fetch_model(order(), hub, heard.say, heard.show)
    remote.files["model-Q4.gguf"], remote.revision = OTHER, NEWER
    assert not fetch_model(order(), hub, heard.say, heard.show).made
    pulled = fetch_model(order(force=True), hub, heard.say, heard.show)
    assert (pulled.path.read_bytes(), pulled.origin.revision) == (OTHER, NEWER)


def test_a_model_in_parts_is_fetched_whole(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """Every part at one revision, under names that llama.cpp finds; in no case only some."""
    remote.files = {"d/m-00001-of-00002.gguf": GGUF, "d/m-00002-of-00002.gguf": OTHER}
    asked = order({"file": "d/m-00001-of-00002.gguf"})
    remote.faults = ["cut", "500"]
    with pytest.raises(ServiceError):
        fetch_model(asked, hub, heard.say, heard.show)
    assert models_of(asked) == []
    pulled = fetch_model(asked, hub, heard.say, heard.show)
    first, second = f"{NAME}-00001-of-00002.gguf", f"{NAME}-00002-of-00002.gguf"
    assert models_of(asked) == [first, f"{first}.json", second]
    assert pulled.path.name == first
    assert (asked.folder / second).read_bytes() == OTHER
    assert [part.source_name for part in pulled.origin.parts] == [*remote.files]
    assert fetch_model(asked, hub, heard.say, heard.show).made is False


def test_a_full_disk_is_said_before(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is fetched that has no room."""
    usage = type("Usage", (), {"free": SPARE_BYTES})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ModelError, match="pull_no_space"):
        fetch_model(order(), hub, heard.say, heard.show)
    assert remote.fetched == []


def test_a_licence_with_conditions_is_said_and_must_be_accepted(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """Before anything is asked of the hub; the same for a gated or unknown one."""
    for facts in (
        {"commercial": "conditions", "conditions": ["ask first"], "licence": "own"},
        {"commercial": None},
        {"gated": True},
    ):
        with pytest.raises(SettingError, match="pull_licence"):
            fetch_model(order(facts), hub, heard.say, heard.show)
    assert (heard.codes, remote.asked) == (["pull_condition"], [])
    assert fetch_model(order(facts, accept_licence=True), hub, heard.say, heard.show).made


def test_a_model_without_a_source_cannot_be_pulled(
    order: MakeOrder, hub: Hub, heard: Heard
) -> None:
    """The catalogue may know a model whose file it could not source."""
    with pytest.raises(ModelError, match="pull_no_source"):
        fetch_model(order({"repository": None, "file": None}), hub, heard.say, heard.show)


def test_two_pulls_at_once_fetch_once(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """The second waits, says so, and finds the file of the first."""
    begun, go_on, waiting = threading.Event(), threading.Event(), threading.Event()
    second = Heard()
    made: dict[str, bool] = {}

    def hold(_name: str, _have: int, _total: int | None) -> None:
        begun.set()
        assert go_on.wait(60)

    def wait_aloud(code: str, **_: object) -> None:
        second.say(code)
        waiting.set()

    def pull_first() -> None:
        made["first"] = fetch_model(order(), hub, heard.say, hold).made

    def pull_second() -> None:
        made["second"] = fetch_model(order(), hub, wait_aloud, second.show).made

    threads = [threading.Thread(target=pull_first), threading.Thread(target=pull_second)]
    threads[0].start()
    assert begun.wait(60)
    threads[1].start()
    assert waiting.wait(60)
    go_on.set()
    for thread in threads:
        thread.join()
    assert (made, second.codes) == ({"first": True, "second": False}, ["pull_waits"])
    assert len(remote.fetched) == 1


def test_a_small_file_in_git_has_no_hash_to_compare(
    order: MakeOrder, hub: Hub, remote: StandInHub, heard: Heard
) -> None:
    """Its tag is no sha256: the hash is recorded, and that it was compared with nothing."""
    remote.in_git = True
    pulled = fetch_model(order(), hub, heard.say, heard.show)
    assert (pulled.origin.sha256, pulled.origin.checked) == (SHA256, "nothing")
