"""The order of steps that need each other. Pure."""

from collections.abc import Collection, Mapping


def list_waves(needs: Mapping[str, Collection[str]]) -> list[list[str]]:
    """Return the names in groups that can be done at the same time, each after those before.

    Needs of unknown names are ignored, and those in a circle, which are done together.
    """
    waves: list[list[str]] = []
    done: set[str] = set()
    left = list(needs)
    while left:
        ready = [name for name in left if needs.keys() & set(needs[name]) - {name} <= done] or left
        waves.append(ready)
        done.update(ready)
        left = [name for name in left if name not in done]
    return waves


def find_circle(needs: Mapping[str, Collection[str]]) -> list[str]:
    """Return names that need each other in a circle, in the order in which they do; else none."""
    stuck = set(needs)
    while free := {name for name in stuck if not stuck.intersection(needs[name])}:
        stuck -= free
    if not stuck:
        return []
    # Each of them needs another one of them, so that the way comes back to where it has been.
    way = [next(name for name in needs if name in stuck)]
    while (following := next(each for each in needs[way[-1]] if each in stuck)) not in way:
        way.append(following)
    return way[way.index(following) :]


def list_needed(name: str, needs: Mapping[str, Collection[str]]) -> list[str]:
    """Return everything that a step builds on, directly or not, in the order of `needs`."""
    found: set[str] = set()
    pending = [name]
    while pending:
        fresh = needs.keys() & set(needs.get(pending.pop(), ())) - found
        found |= fresh
        pending += fresh
    return [each for each in needs if each in found and each != name]
