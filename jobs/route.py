"""The route: which step a row that was not kept goes to. Pure; the policy fails closed here."""

from dataclasses import dataclass
from typing import Final

from jobs.cost import NANO_USD_PER_USD
from jobs.job import CLOUD_QUEUE, Step, queue_name
from jobs.spec import Spec

NO_CLOUD: Final = "none"


@dataclass(frozen=True, slots=True)
class Route:
    """A batch's steps: local models cheap to dear, then the cloud, and what policy allows."""

    tiers: tuple[str, ...]
    cloud: str = NO_CLOUD
    data_class: str = "local_only"
    budget_nano_usd: int = 0


def route_of(spec: Spec) -> Route:
    """Return the route a spec describes."""
    return Route(
        tiers=spec.route.tiers,
        cloud=spec.route.cloud,
        data_class=spec.policy.data_class,
        budget_nano_usd=int(spec.policy.budget_usd * NANO_USD_PER_USD),
    )


def next_step(route: Route, tier: int) -> Step:
    """Return the step after `tier`, the number of the one that has just answered."""
    after = tier + 1
    if after < len(route.tiers):
        return Step("local", after, queue_name(route.tiers[after]))
    obstacle = _find_obstacle(route)
    if after > len(route.tiers) or obstacle is not None:
        return Step("review", tier, obstacle=obstacle)
    return Step("cloud", after, CLOUD_QUEUE)


def _find_obstacle(route: Route) -> str | None:
    """Return why a row may not leave; anything but an explicit permission is a reason."""
    if route.cloud == NO_CLOUD:
        return "no_cloud"
    if route.data_class != "open":
        return "policy_local_only"
    if route.budget_nano_usd <= 0:
        return "no_budget"
    return None
