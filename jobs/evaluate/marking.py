"""The spec an evaluation runs, made of the user's own, and what tells the two apart.

An evaluation is a batch of its own in the user's database: the same rows through the same
supervisor, workers and engine as `sekisho run`. Its spec has another name, `evaluate: NAME`, and
the tag `sekisho = "evaluation"`, so the nightly spec's lines in `fct_results_latest`,
`what_if_thresholds` and `fct_costs_daily` stay those of its nights; what evaluating costs stands
under the evaluation's own name.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from jobs.spec import Spec
from jobs.spec.model import GateSection, PolicySection

PREFIX: Final = "evaluate: "
TAG: Final = {"sekisho": "evaluation"}
TITLE_CHARS: Final = 64
HASH_CHARS: Final = 8


def mark_spec(
    spec: Spec, gold: str, groups: Sequence[str], *, model: str | None = None, cloud: bool = False
) -> Spec:
    """Return the spec whose rows keep their gold answer.

    Every sound answer is kept (`keep_all`) and nothing is sent to a cloud, so that evaluating
    costs nothing unasked; with `cloud` the spec's own cloud, gate and budget stay. A `model` takes
    the place of the first tier.
    """
    tiers = spec.route.tiers
    if model is not None:
        tiers = (model, *(tier for tier in tiers[1:] if tier != model))
    route = {"tiers": tiers} if cloud else {"tiers": tiers, "cloud": "none"}
    keep = tuple(dict.fromkeys((*spec.input.keep, gold, *groups)))
    changes: dict[str, object] = {
        "name": mark_name(spec.name),
        "tags": {**spec.tags, **TAG},
        "input": spec.input.model_copy(update={"keep": keep}),
        "route": spec.route.model_copy(update=route),
    }
    if not cloud:
        data_class = spec.policy.data_class
        changes |= {"gate": GateSection(), "policy": PolicySection(data_class=data_class)}
    return spec.model_copy(update=changes)


def mark_name(name: str) -> str:
    """Return the name of a spec's evaluations; a long one is cut and told apart by its hash."""
    marked = PREFIX + name
    if len(marked) <= TITLE_CHARS:
        return marked
    digest = hashlib.sha256(name.encode()).hexdigest()[:HASH_CHARS]
    return f"{marked[: TITLE_CHARS - HASH_CHARS - 1].rstrip()}~{digest}"
