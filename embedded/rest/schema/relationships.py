"""Foreign keys as ways from one relation to another, and the choice among them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from embedded.rest.errors import ApiError, CacheMissError
from embedded.rest.request.select import Embed
from embedded.rest.schema.tables import Cardinality, Junction, Relation, Relationship, Schema


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """One foreign key inside the exposed schema."""

    constraint: str
    origin: str
    target: str
    columns: tuple[tuple[str, str], ...]
    """(column of the origin, column of the target)."""
    is_unique: bool
    """Whether its columns hold a unique key of the origin."""


def find_relationships(
    relations: Mapping[str, Relation], keys: Sequence[ForeignKey]
) -> dict[str, tuple[Relationship, ...]]:
    """All ways between relations, by origin: keys both ways, and pairs of keys of junctions."""
    found: defaultdict[str, list[Relationship]] = defaultdict(list)
    by_origin: defaultdict[str, list[ForeignKey]] = defaultdict(list)
    for key in keys:
        by_origin[key.origin].append(key)
        found[key.origin].append(_forward(key))
        found[key.target].append(_backward(key))
    for origin, own in by_origin.items():
        for near in own:
            for far in own:
                if _makes_junction(relations[origin], near, far):
                    found[near.target].append(_through(relations[origin], near, far))
    return {origin: tuple(ways) for origin, ways in found.items()}


def resolve(schema: Schema, origin: Relation, embed: Embed) -> Relationship:
    """The one relationship that an embedded resource means.

    Raises PGRST200 when there is none and PGRST201 when there are several.
    """
    ways = [
        way
        for way in schema.relationships.get(origin.name, ())
        if _is_meant(way, embed, to_table=schema.relations[way.target].is_table)
    ]
    if not ways:
        raise CacheMissError(
            400,
            "PGRST200",
            f"Could not find a relationship between '{origin.name}' and '{embed.target}'"
            " in the schema cache",
            details="Searched for a foreign key relationship between"
            f" '{origin.name}' and '{embed.target}'"
            + (f" using the hint '{embed.hint}'" if embed.hint else "")
            + " in the schema 'public', but no matches were found.",
            hint=_hint(schema, origin, embed),
        )
    if len(ways) > 1:
        raise _ambiguous(origin, embed, ways)
    return ways[0]


def _is_meant(way: Relationship, embed: Embed, *, to_table: bool) -> bool:
    if way.origin == way.target:
        return _is_meant_of_itself(way, embed)
    by_table = embed.target == way.target
    origin_columns = [column for column, _ in way.columns]
    if way.junction is not None:
        return by_table and embed.hint in {None, way.junction.name}
    if embed.hint is None:
        # Views share the keys of their tables; by a key or a column only the table is meant.
        by_key = embed.target == way.constraint or origin_columns == [embed.target]
        return by_table or (to_table and by_key)
    target_columns = [column for _, column in way.columns]
    by_hint = embed.hint == way.constraint or [embed.hint] in (origin_columns, target_columns)
    return by_table and by_hint


def _is_meant_of_itself(way: Relationship, embed: Embed) -> bool:
    """Of a table that refers to itself the name means its children, the column its parent.

    A hint can only be the column; PostgREST knows no other way between a table and itself.
    """
    if way.cardinality is Cardinality.MANY_TO_ONE:
        return embed.hint is None and [here for here, _ in way.columns] == [embed.target]
    if way.cardinality is not Cardinality.ONE_TO_MANY or embed.target != way.target:
        return False
    return embed.hint is None or [there for _, there in way.columns] == [embed.hint]


def _ambiguous(origin: Relation, embed: Embed, ways: Sequence[Relationship]) -> ApiError:
    details = [
        {
            "cardinality": str(way.cardinality),
            "embedding": f"{origin.name} with {way.target}",
            "relationship": _describe(way),
        }
        for way in ways
    ]
    names = (way.junction.name if way.junction else way.constraint for way in ways)
    hints = [f"'{way.target}!{name}'" for way, name in zip(ways, names, strict=True)]
    return ApiError(
        300,
        "PGRST201",
        "Could not embed because more than one relationship was found for"
        f" '{origin.name}' and '{embed.target}'",
        details=details,
        hint=f"Try changing '{embed.target}' to one of the following: {', '.join(hints)}."
        " Find the desired relationship in the 'details' key.",
    )


def _describe(way: Relationship) -> str:
    here = _listed(name for name, _ in way.columns)
    there = _listed(name for _, name in way.columns)
    junction = way.junction
    if junction is None:
        return f"{way.constraint} using {way.origin}{here} and {way.target}{there}"
    far = _listed(name for name, _ in junction.far_columns)
    return f"{junction.name} using {way.constraint}{there} and {junction.far_constraint}{far}"


def _listed(names: Iterable[str]) -> str:
    return f"({', '.join(names)})"


def _hint(schema: Schema, origin: Relation, embed: Embed) -> str | None:
    """The most alike of the names that would have been found; none when a hint misled."""
    children = {way.target for way in schema.relationships.get(origin.name, ())}
    if embed.target in children:
        return None
    if children:
        wrong, known = embed.target, children
    else:
        wrong, known = origin.name, set(schema.relationships)
    alike = get_close_matches(wrong, sorted(known), n=1)
    return f"Perhaps you meant '{alike[0]}' instead of '{wrong}'." if alike else None


def _forward(key: ForeignKey) -> Relationship:
    kind = Cardinality.ONE_TO_ONE if key.is_unique else Cardinality.MANY_TO_ONE
    return Relationship(key.origin, key.target, key.constraint, key.columns, kind)


def _backward(key: ForeignKey) -> Relationship:
    kind = Cardinality.ONE_TO_ONE if key.is_unique else Cardinality.ONE_TO_MANY
    columns = tuple((there, here) for here, there in key.columns)
    return Relationship(key.target, key.origin, key.constraint, columns, kind)


def _makes_junction(table: Relation, near: ForeignKey, far: ForeignKey) -> bool:
    """A junction's primary key holds the columns of both foreign keys."""
    if near.constraint == far.constraint:
        return False
    columns = {column for key in (near, far) for column, _ in key.columns}
    return bool(table.primary_key) and columns <= set(table.primary_key)


def _through(table: Relation, near: ForeignKey, far: ForeignKey) -> Relationship:
    return Relationship(
        near.target,
        far.target,
        near.constraint,
        tuple((there, here) for here, there in near.columns),
        Cardinality.MANY_TO_MANY,
        Junction(table.name, table.sql, near.constraint, far.constraint, far.columns),
    )
