"""What the servers people run say about themselves: which one it is, its model, its limits. Pure.

Every one of them answers `/v1/models` and `/v1/chat/completions`; the rest is each one's own:
llama-server `/props`, Ollama `/api/version`, `/api/tags` and `/api/ps`, LM Studio
`/api/v0/models`, vLLM `/version`, NVIDIA NIM `/v1/version`, Dynamo `/health`.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

Dialect = Literal[
    "llama-server",
    "llama-cpp-python",
    "ollama",
    "lm-studio",
    "vllm",
    "nim",
    "dynamo",
    "openai",
]

BY_OWNER: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        "llamacpp": "llama-server",
        "me": "llama-cpp-python",
        "library": "ollama",
        "organization_owner": "lm-studio",
        "vllm": "vllm",
        "nvidia": "dynamo",
    }
)
"""What stands as `owned_by` in a server's list of models. NIM's is vLLM's, or `system`."""

PAGES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "llama-server": ("/props",),
        "llama-cpp-python": (),
        "ollama": ("/api/version", "/api/tags", "/api/ps"),
        "lm-studio": ("/api/v0/models",),
        "vllm": ("/version", "/v1/version"),
        "dynamo": ("/health",),
        "openai": ("/v1/version", "/api/version", "/api/tags", "/api/ps", "/api/v0/models"),
    }
)
"""The pages that say more, by who a server seems to be."""

CUTS_SILENTLY: Final = frozenset({"ollama"})
"""Servers that drop a part of a text that is too long, and answer."""
OLLAMA_CONTEXT_TOKENS: Final = 2048
"""The least that Ollama was ever set to by default; older ones do not say what they use."""
MOST: Final = 100_000_000
UNFIT: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What terminals obey and databases do not hold."""
META: Final = ("ftype", "n_ctx_train", "n_embd", "n_params", "n_vocab", "size", "vocab_type")
OWN_FACTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "ollama": ("digest",),
        "lm-studio": ("arch", "compatibility_type", "publisher", "quantization"),
    }
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a server is and what it serves, as it says itself.

    `fingerprint` is a sha256 in hex of what it says about the model: of a digest where there is
    one (Ollama), of sizes and the chat template (llama-server), else of hardly more than a name.
    `slots` are the rows it answers at once, None where it does not say. `remote` names another
    host that answers in its place.
    """

    model: str
    dialect: Dialect
    version: str
    context_tokens: int | None
    slots: int | None
    fingerprint: str
    remote: str | None = None


def list_names(models: Any) -> list[str] | None:
    """Return the names of the models a server lists; None if it is no such list.

    One with controls or half surrogates is no name: names stand in messages and in SQL.
    """
    try:
        names = [entry["id"] for entry in models["data"] or ()]
    except (LookupError, TypeError):
        return None
    good = all(isinstance(name, str) and not UNFIT.search(name) for name in names)
    return names if good else None


def choose_name(models: Any, wanted: str | None) -> str | None:
    """Return the wanted model as the server names it, the only one if none is; else None."""
    names = list_names(models) or []
    if wanted is None:
        return names[0] if len(names) == 1 else None
    for entry in (models or {}).get("data") or ():
        known = (entry.get("id"), *_list(entry.get("aliases")))
        if wanted in known or f"{wanted}:latest" in known:
            return str(entry["id"])
    return None


def guess(models: Any, name: str) -> Dialect:
    """Return who a server seems to be, by its list of models alone."""
    owner = _find_entry(models, "id", name).get("owned_by")
    return BY_OWNER.get(str(owner), "openai")


def identify(models: Any, name: str, pages: Mapping[str, Any]) -> Identity:
    """Return who a server is; `pages` are the JSON of those of `PAGES` that it has."""
    dialect = _recognise(guess(models, name), pages)
    entry = _find_entry(models, "id", name)
    own = _find_own(dialect, name, pages)
    props = _dict(pages.get("/props"))
    remote = own.get("remote_host") or (own.get("remote_model") and "ollama.com")
    if dialect == "ollama" and remote is None and name.rpartition(":")[2].endswith("cloud"):
        remote = "ollama.com"
    return Identity(
        model=name,
        dialect=dialect,
        version=_find_version(dialect, pages),
        context_tokens=_find_context(dialect, name, entry, own, pages),
        slots=_count(props.get("total_slots")),
        fingerprint=_hash(dialect, name, entry, own, props),
        remote=None if remote is None else str(remote),
    )


def _recognise(seems: Dialect, pages: Mapping[str, Any]) -> Dialect:
    """Correct the first impression by the pages that only one kind of server has."""
    if "release" in _dict(pages.get("/v1/version")):
        return "nim"
    if seems != "openai":
        return seems
    if "version" in _dict(pages.get("/api/version")):
        return "ollama"
    return "lm-studio" if list_names(pages.get("/api/v0/models")) is not None else "openai"


def _find_own(dialect: str, name: str, pages: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the model's entry in the server's own list."""
    if dialect == "ollama":
        return _find_entry(pages.get("/api/tags"), "name", name, key="models")
    if dialect == "lm-studio":
        return _find_entry(pages.get("/api/v0/models"), "id", name)
    return {}


def _find_version(dialect: str, pages: Mapping[str, Any]) -> str:
    page, key = {
        "llama-server": ("/props", "build_info"),
        "ollama": ("/api/version", "version"),
        "vllm": ("/version", "version"),
        "nim": ("/v1/version", "release"),
    }.get(dialect, ("", ""))
    told = str(_dict(pages.get(page)).get(key, ""))
    return UNFIT.sub("", told)[:64]


def _find_context(
    dialect: str,
    name: str,
    entry: Mapping[str, Any],
    own: Mapping[str, Any],
    pages: Mapping[str, Any],
) -> int | None:
    """Return how many tokens one row may have with its answer, as the server is set up."""
    if dialect == "llama-server":
        settings = _dict(_dict(pages.get("/props")).get("default_generation_settings"))
        return _count(settings.get("n_ctx"))
    if dialect == "ollama":
        loaded = _find_entry(pages.get("/api/ps"), "name", name, key="models")
        return _count(loaded.get("context_length")) or OLLAMA_CONTEXT_TOKENS
    if dialect == "lm-studio":
        loaded_tokens = _count(own.get("loaded_context_length"))
        return loaded_tokens or _count(own.get("max_context_length"))
    return _count(entry.get("max_model_len")) or _count(entry.get("context_length"))


def _hash(
    dialect: str,
    name: str,
    entry: Mapping[str, Any],
    own: Mapping[str, Any],
    props: Mapping[str, Any],
) -> str:
    """Hash what says which model it is, and nothing that changes with time or from start to start.

    A name that is a path counts without its folders: they differ from machine to machine.
    """
    meta = _dict(entry.get("meta"))
    facts: dict[str, Any] = {"dialect": dialect, "model": _base(name)}
    facts |= {key: meta[key] for key in META if key in meta}
    facts |= {key: own[key] for key in OWN_FACTS.get(dialect, ()) if key in own}
    if isinstance(entry.get("root"), str):  # vLLM's and NIM's path or repository
        facts["root"] = _base(entry["root"])
    if isinstance(props.get("chat_template"), str):
        facts["chat_template"] = props["chat_template"]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _base(name: str) -> str:
    is_path = name.startswith(("/", "./", "../")) or "\\" in name
    return name.replace("\\", "/").rpartition("/")[2] if is_path else name


def _find_entry(listed: Any, field: str, name: str, *, key: str = "data") -> Mapping[str, Any]:
    entries = _list(_dict(listed).get(key))
    found = [entry for entry in entries if _dict(entry).get(field) == name]
    return found[0] if found else {}


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _count(value: Any) -> int | None:
    """Return a number of tokens or rows; one that is beyond every machine is not told."""
    good = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST
    return value if good else None
