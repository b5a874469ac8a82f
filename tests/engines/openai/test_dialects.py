"""Who a server is, from whatever it says; nothing that it says makes this fail."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.engines.openai.dialects import PAGES, choose_name, identify, list_names

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "data",
                    "models",
                    "id",
                    "name",
                    "aliases",
                    "owned_by",
                    "version",
                    "meta",
                    "n_ctx",
                    "digest",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
NAMES = sorted({page for pages in PAGES.values() for page in pages})


@given(ANY_JSON, st.dictionaries(st.sampled_from(NAMES), ANY_JSON))
def test_nonsense_is_no_list_and_no_name(models: Any, pages: dict[str, Any]) -> None:
    """Whatever JSON comes, names are words and an identity is made of what is there."""
    names = list_names(models)
    assert names is None or all(isinstance(name, str) for name in names)
    if names is not None:
        chosen = choose_name(models, None)
        assert (chosen is not None) == (len(names) == 1)
        if chosen is not None:
            assert len(identify(models, chosen, pages).fingerprint) == 64


@pytest.mark.parametrize("owner", ["library", "llamacpp", "organization_owner", "vllm", "nvidia"])
@given(value=ANY_JSON)
def test_pages_of_any_form_are_no_harm(owner: str, value: Any) -> None:
    """Lists that are numbers, numbers that are lists, versions that no terminal should see."""
    models = {"data": [{"id": "m", "owned_by": owner, "aliases": value, "max_model_len": value}]}
    pages = dict.fromkeys(NAMES, value) | {"/api/tags": {"models": value}}
    assert choose_name(models, "m") == "m"
    found = identify(models, "m", pages)
    assert (found.context_tokens or 1) <= 100_000_000


@pytest.mark.parametrize("name", ["a\x1b[31m", "a\0", "a\nb", "a\ud800", "a\u202eb"])
def test_what_no_terminal_should_see_is_no_name(name: str) -> None:
    """Names and versions stand in messages and in SQL; a full-width space may stand in both."""
    assert list_names({"data": [{"id": name}]}) is None
    assert list_names({"data": [{"id": "/模型/大\u3000小.gguf"}]}) is not None
    models = {"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 10**30}]}
    found = identify(models, "m", {"/version": {"version": name}})
    assert found.version in ("a", "a[31m", "ab")
    assert found.context_tokens is None


def test_folders_of_a_file_are_not_its_identity() -> None:
    """Two machines keep the same file in different places; a repository's owner does count."""
    prints = [
        identify({"data": [{"id": name, "owned_by": "me"}]}, name, {}).fingerprint
        for name in ("/a/m.gguf", "/b/c/m.gguf", "C:\\models\\m.gguf", "org/m.gguf")
    ]
    assert prints[0] == prints[1] == prints[2] != prints[3]


def test_an_alias_is_a_name() -> None:
    """llama-server lists them beside the one it answers to."""
    models = {"data": [{"id": "long/name.gguf", "aliases": ["big"]}, {"id": "other"}]}
    assert choose_name(models, "big") == "long/name.gguf"
    assert choose_name(models, "small") is None


def test_ollama_hands_a_model_on_where_it_says_so() -> None:
    """A tag of its cloud, or the name of a remote host in its list."""
    models = {"data": [{"id": "big:1b", "owned_by": "library"}]}
    tags = {"models": [{"name": "big:1b", "remote_host": "https://ollama.com:443"}]}
    assert identify(models, "big:1b", {"/api/tags": tags}).remote == "https://ollama.com:443"
    assert identify(models, "big:1b", {"/api/tags": {"models": []}}).remote is None
