"""Write the statements that take one database to another, as far as that is safe."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from scripts.schema.catalogue import Facts, Snapshot

_NONE: Final[Facts] = {}
_ROLES: Final = "public, anon, authenticated, service_role"


@dataclass(frozen=True, slots=True)
class Step:
    """A statement, or what a person has to decide and write."""

    sql: str = ""
    todo: str = ""


def plan_steps(road: Snapshot, state: Snapshot) -> list[Step]:
    """Return the steps from `road` to `state`, in an order that mostly works."""
    return [step for part in _PARTS for step in part(road, state)]


def _changed(road: Snapshot, state: Snapshot, kind: str) -> Iterator[tuple[str, Facts, Facts]]:
    """Yield name, old facts (empty if it is new) and new facts."""
    for name, facts in sorted(state[kind].items()):
        if road[kind].get(name) != facts:
            yield name, road[kind].get(name, _NONE), facts


def _gone(road: Snapshot, state: Snapshot, kind: str) -> Iterator[tuple[str, Facts]]:
    return ((name, road[kind][name]) for name in sorted(road[kind].keys() - state[kind].keys()))


def _drop_triggers_and_policies(road: Snapshot, state: Snapshot) -> Iterator[Step]:
    for kind in ("trigger", "policy"):
        for _, facts in _gone(road, state, kind):
            yield Step(f"drop {kind} {facts[kind]} on {facts['of_table']}")


def _sequences(road: Snapshot, state: Snapshot) -> Iterator[Step]:
    for name, before, _ in _changed(road, state, "sequence"):
        if not before:
            yield Step(f"create sequence {name}")
    for name, _ in _gone(road, state, "sequence"):
        yield Step(todo=f"sequence {name} is gone: drop it when no release uses it any more")


def _tables(road: Snapshot, state: Snapshot) -> Iterator[Step]:
    for name, before, after in _changed(road, state, "table"):
        if not before:
            columns = [each for each in state["column"].values() if each["of_table"] == name]
            columns.sort(key=lambda each: int(each["position"]))
            body = ",\n".join(f"  {_column(each)}" for each in columns)
            yield Step(f"create table {name} (\n{body}\n)")
        old, new = before.get("options", []), after["options"]
        if lost := [each.partition("=")[0] for each in old if each not in new]:
            yield Step(f"alter table {name} reset ({', '.join(lost)})")
        if added := [each for each in new if each not in old]:
            yield Step(f"alter table {name} set ({', '.join(added)})")
        if after["has_rls"] != before.get("has_rls", False):
            change = "enable" if after["has_rls"] else "disable"
            yield Step(f"alter table {name} {change} row level security")
    for name, _ in _gone(road, state, "table"):
        yield Step(todo=f"table {name} is gone: drop it when no release uses it any more")


def _columns(road: Snapshot, state: Snapshot) -> Iterator[Step]:
    for name, before, after in _changed(road, state, "column"):
        table, column = after["of_table"], after["column"]
        alter = f"alter table {table} alter column {column}"
        if not before:
            if table not in road["table"]:
                continue
            if after["is_not_null"] and not (after["default"] or after["identity"]):
                yield Step(todo=f"column {name} is new and not null without a default: fill it")
            else:
                yield Step(f"alter table {table} add column {_column(after)}")
            continue
        if any(before[each] != after[each] for each in ("type", "identity", "generated")):
            yield Step(todo=f"column {name} has another type: convert it ({_column(after)})")
        elif before["default"] != after["default"]:
            change = f"set default {after['default']}" if after["default"] else "drop default"
            yield Step(f"{alter} {change}")
        if before["is_not_null"] and not after["is_not_null"]:
            yield Step(f"{alter} drop not null")
        elif after["is_not_null"] and not before["is_not_null"]:
            yield Step(todo=f"column {name} is not null now: fill it, then `{alter} set not null`")
    for name, facts in _gone(road, state, "column"):
        if facts["of_table"] in state["table"]:
            yield Step(
                todo=f"column {name} is gone: drop it when no release reads or writes it any more"
            )


def _column(facts: Facts) -> str:
    text = f"{facts['column']} {facts['type']}"
    if facts["identity"]:
        text += f" generated {'always' if facts['identity'] == 'a' else 'by default'} as identity"
    elif facts["generated"]:
        text += f" generated always as ({facts['default']}) stored"
    elif facts["default"]:
        text += f" default {facts['default']}"
    return text + (" not null" if facts["is_not_null"] else "")


def _constraints(road: Snapshot, state: Snapshot) -> Iterator[Step]:
    gone = [each for _, each in _gone(road, state, "constraint")]
    changed = list(_changed(road, state, "constraint"))
    for facts in [*gone, *(before for _, before, _ in changed if before)]:
        if facts["of_table"] in state["table"]:
            yield Step(f"alter table {facts['of_table']} drop constraint {facts['constraint']}")
    for _, _, facts in sorted(changed, key=lambda each: bool(each[2]["is_foreign"])):
        yield Step(
            f"alter table {facts['of_table']} add constraint {facts['constraint']}"
            f" {facts['definition']}"
        )


def _indexes(road: Snapshot, state: Snapshot) -> Iterator[Step]:
    changed = list(_changed(road, state, "index"))
    for name in [
        *(name for name, _ in _gone(road, state, "index")),
        *(c[0] for c in changed if c[1]),
    ]:
        yield Step(f"drop index if exists {name}")
    for _, _, facts in changed:
        yield Step(_lowered(facts["definition"]))


def _functions(road: Snapshot, state: Snapshot) -> Iterator[Step]:
    for name, before, after in _changed(road, state, "function"):
        if before and _is_incompatible(before, after):
            yield Step(f"drop function {name}")
        if before.get("definition") != after["definition"]:
            yield Step(_lowered(after["definition"]).rstrip())
    for name, _ in _gone(road, state, "function"):
        yield Step(f"drop function {name}")


def _is_incompatible(before: Facts, after: Facts) -> bool:
    """Return whether `create or replace` would refuse the new function."""
    return any(before[each] != after[each] for each in ("result", "arguments"))


def _views(road: Snapshot, state: Snapshot) -> Iterator[Step]:
    for name, before, after in _changed(road, state, "view"):
        if any(before.get(each) != after[each] for each in ("definition", "options")):
            options = f" with ({', '.join(after['options'])})" if after["options"] else ""
            yield Step(
                f"create or replace view {name}{options} as\n{after['definition'].rstrip(';')}"
            )
    for name, _ in _gone(road, state, "view"):
        yield Step(f"drop view {name}")


def _triggers(road: Snapshot, state: Snapshot) -> Iterator[Step]:
    for _, before, after in _changed(road, state, "trigger"):
        if before.get("definition") != after["definition"]:
            yield Step(
                after["definition"].replace("CREATE TRIGGER", "create or replace trigger", 1)
            )


def _policies(road: Snapshot, state: Snapshot) -> Iterator[Step]:
    for _, before, after in _changed(road, state, "policy"):
        table, policy = after["of_table"], after["policy"]
        if before:
            yield Step(f"drop policy {policy} on {table}")
        text = f"create policy {policy} on {table} as {after['permissive']}"
        text += f" for {after['cmd']} to {after['roles']}"
        text += f" using ({after['qual']})" if after["qual"] else ""
        text += f" with check ({after['with_check']})" if after["with_check"] else ""
        yield Step(text)


def _publications(road: Snapshot, state: Snapshot) -> Iterator[Step]:
    for name, _ in _gone(road, state, "publication"):
        publication, _, table = name.partition(".")
        yield Step(f"alter publication {publication} drop table {table}")
    for name, _, _ in _changed(road, state, "publication"):
        publication, _, table = name.partition(".")
        yield Step(f"alter publication {publication} add table {table}")


def _comments(road: Snapshot, state: Snapshot) -> Iterator[Step]:
    for kind in ("schema", "sequence", "table", "column", "view", "function"):
        for name, before, after in _changed(road, state, kind):
            if before.get("comment") != after["comment"] or _was_dropped(kind, before, after):
                comment = "null" if after["comment"] is None else _quoted(after["comment"])
                yield Step(f"comment on {kind} {name} is\n  {comment}")


def _rights(road: Snapshot, state: Snapshot) -> Iterator[Step]:
    for kind in ("schema", "sequence", "table", "view", "function"):
        for name, before, after in _changed(road, state, kind):
            on = f"{'table' if kind == 'view' else kind} {name}"
            is_new = not before or _was_dropped(kind, before, after)
            if is_new:
                yield Step(f"revoke all on {on} from {_ROLES}")
            had = set() if is_new else set(before["rights"])
            yield from _changes_of_rights(on, had, set(after["rights"]))
    for _, before, after in _changed(road, state, "column"):
        has = {_on_column(each, after["column"]) for each in after["rights"]}
        had = {_on_column(each, after["column"]) for each in before.get("rights", [])}
        yield from _changes_of_rights(f"table {after['of_table']}", had, has)


def _changes_of_rights(on: str, had: set[str], has: set[str]) -> Iterator[Step]:
    for change, to, rights in (("revoke", "from", had - has), ("grant", "to", has - had)):
        by_role: dict[str, list[str]] = {}
        for right in sorted(rights):
            privilege, _, role = right.rpartition(" ")
            by_role.setdefault(role, []).append(privilege.lower())
        for role, privileges in by_role.items():
            yield Step(f"{change} {', '.join(privileges)} on {on} {to} {role}")


def _was_dropped(kind: str, before: Facts, after: Facts) -> bool:
    return kind == "function" and bool(before) and _is_incompatible(before, after)


def _on_column(right: str, column: str) -> str:
    privilege, _, role = right.rpartition(" ")
    return f"{privilege} ({column}) {role}"


def _lowered(definition: str) -> str:
    """Write the first words of a definition as the schema does."""
    for words in ("CREATE OR REPLACE FUNCTION", "CREATE UNIQUE INDEX", "CREATE INDEX"):
        if definition.startswith(words):
            return words.lower() + definition[len(words) :]
    return definition


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_PARTS: Final[tuple[Callable[[Snapshot, Snapshot], Iterator[Step]], ...]] = (
    _drop_triggers_and_policies,
    _sequences,
    _tables,
    _columns,
    _constraints,
    _indexes,
    _functions,
    _views,
    _triggers,
    _policies,
    _publications,
    _comments,
    _rights,
)
