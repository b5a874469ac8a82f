"""What the audit log calls the place rows are sent to."""

import pytest

from workers.process import name_destination


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (None, "api.anthropic.com"),
        ("", "api.anthropic.com"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("https://user:secret@proxy.example/v1?key=secret", "proxy.example"),
        ("not a url", "unknown"),
    ],
)
def test_a_destination_is_a_host_without_secrets(address: str | None, shown: str) -> None:
    """Users, passwords, paths and queries of an address never reach the audit log."""
    assert name_destination(address) == shown
