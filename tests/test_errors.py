"""The tree of errors: what a program may catch, and what a person is shown."""

import inspect

import pytest

from jobs import errors
from jobs.errors import CloudError, SekishoError, ServiceError, UsageError

TREE = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, SekishoError)
}


def test_the_drawing_shows_every_class_below_its_parent() -> None:
    """The tree in the docstring is the tree of the classes; a cloud's errors have two parents."""
    lines = (errors.__doc__ or "").splitlines()
    depth_of: dict[str, int] = {}
    path: list[str] = []
    for line in lines:
        marker = max(line.find("|--"), line.find("`--"))
        name = line[marker + 3 :].split()[0] if marker >= 0 else line.strip()
        if name not in TREE:
            continue
        depth = 0 if marker < 0 else marker // 4
        depth_of[name] = depth
        path = [*path[:depth], name]
        if depth:
            assert TREE[path[depth - 1]] in TREE[name].__bases__
    assert depth_of.keys() == TREE.keys()


@pytest.mark.parametrize("kind", TREE.values())
def test_an_error_carries_code_and_parameters(kind: type[SekishoError]) -> None:
    """Every error keeps its code and parameters, and shows both without words."""
    assert kind.__doc__
    if issubclass(kind, CloudError):
        cloud = kind("cloud_busy", model="m", status=429)
        assert (cloud.code, cloud.params["model"], cloud.params["status"]) == (
            "cloud_busy",
            "m",
            429,
        )
        return
    error = kind("some_code", row=3, file="a.csv")
    assert (error.code, error.params) == ("some_code", {"row": 3, "file": "a.csv"})
    assert str(error) == "some_code(row=3, file='a.csv')"


def test_usage_and_service_are_apart() -> None:
    """No error is both the user's and a service's: their exit statuses differ."""
    assert not any(
        issubclass(one, UsageError) and issubclass(one, ServiceError) for one in TREE.values()
    )
