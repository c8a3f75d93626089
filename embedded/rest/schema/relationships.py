"""Relationships between relations, from their foreign keys, and the choice of one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from embedded.rest.errors import ApiError, CacheMissError
from embedded.rest.request.select import Embed
from embedded.rest.schema.objects import Cardinality, Junction, Relation, Relationship, Schema


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """One foreign key inside the exposed schema."""

    constraint: str
    origin: str
    target: str
    columns: tuple[tuple[str, str], ...]
    """(column of the origin, column of the target)."""
    is_unique: bool
    """Whether its columns include a unique key of the origin."""


def find_relationships(
    relations: Mapping[str, Relation], keys: Sequence[ForeignKey]
) -> dict[str, tuple[Relationship, ...]]:
    """Return all relationships by origin: foreign keys in both directions, and junctions."""
    found: defaultdict[str, list[Relationship]] = defaultdict(list)
    by_origin: defaultdict[str, list[ForeignKey]] = defaultdict(list)
    for key in keys:
        by_origin[key.origin].append(key)
        found[key.origin].append(_build_forward(key))
        found[key.target].append(_build_backward(key))
    for origin, own in by_origin.items():
        for near in own:
            for far in own:
                if _is_junction(relations[origin], near, far):
                    found[near.target].append(_build_junction(relations[origin], near, far))
    return {origin: tuple(relationships) for origin, relationships in found.items()}


def resolve_relationship(schema: Schema, origin: Relation, embed: Embed) -> Relationship:
    """Return the relationship of an embedded resource.

    Raise PGRST200 if there is none, and PGRST201 if there are several.
    """
    relationships = [
        relationship
        for relationship in schema.relationships.get(origin.name, ())
        if _is_match(relationship, embed, to_table=schema.relations[relationship.target].is_table)
    ]
    if not relationships:
        raise CacheMissError(
            400,
            "PGRST200",
            f"Could not find a relationship between '{origin.name}' and '{embed.target}'"
            " in the schema cache",
            details="Searched for a foreign key relationship between"
            f" '{origin.name}' and '{embed.target}'"
            + (f" using the hint '{embed.hint}'" if embed.hint else "")
            + " in the schema 'public', but no matches were found.",
            hint=_build_hint(schema, origin, embed),
        )
    if len(relationships) > 1:
        raise _ambiguous_error(origin, embed, relationships)
    return relationships[0]


def _is_match(relationship: Relationship, embed: Embed, *, to_table: bool) -> bool:
    if relationship.origin == relationship.target:
        return _is_self_match(relationship, embed)
    by_table = embed.target == relationship.target
    origin_columns = [column for column, _ in relationship.columns]
    if relationship.junction is not None:
        return by_table and embed.hint in {None, relationship.junction.name}
    if embed.hint is None:
        # Views share the keys of their tables; key or column names select only the table.
        by_key = embed.target == relationship.constraint or origin_columns == [embed.target]
        return by_table or (to_table and by_key)
    target_columns = [column for _, column in relationship.columns]
    by_hint = embed.hint == relationship.constraint or [embed.hint] in (
        origin_columns,
        target_columns,
    )
    return by_table and by_hint


def _is_self_match(relationship: Relationship, embed: Embed) -> bool:
    """Match a self-reference: the name of the table selects its children, the column its parent.

    A hint can only be the column, as in PostgREST.
    """
    if relationship.cardinality is Cardinality.MANY_TO_ONE:
        return embed.hint is None and [here for here, _ in relationship.columns] == [embed.target]
    if (
        relationship.cardinality is not Cardinality.ONE_TO_MANY
        or embed.target != relationship.target
    ):
        return False
    return embed.hint is None or [there for _, there in relationship.columns] == [embed.hint]


def _ambiguous_error(
    origin: Relation, embed: Embed, relationships: Sequence[Relationship]
) -> ApiError:
    details = [
        {
            "cardinality": str(relationship.cardinality),
            "embedding": f"{origin.name} with {relationship.target}",
            "relationship": _describe(relationship),
        }
        for relationship in relationships
    ]
    names = (
        relationship.junction.name if relationship.junction else relationship.constraint
        for relationship in relationships
    )
    hints = [
        f"'{relationship.target}!{name}'"
        for relationship, name in zip(relationships, names, strict=True)
    ]
    return ApiError(
        300,
        "PGRST201",
        "Could not embed because more than one relationship was found for"
        f" '{origin.name}' and '{embed.target}'",
        details=details,
        hint=f"Try changing '{embed.target}' to one of the following: {', '.join(hints)}."
        " Find the desired relationship in the 'details' key.",
    )


def _describe(relationship: Relationship) -> str:
    here = _format_names(name for name, _ in relationship.columns)
    there = _format_names(name for _, name in relationship.columns)
    junction = relationship.junction
    if junction is None:
        origin, target = f"{relationship.origin}{here}", f"{relationship.target}{there}"
        return f"{relationship.constraint} using {origin} and {target}"
    far = _format_names(name for name, _ in junction.far_columns)
    return (
        f"{junction.name} using {relationship.constraint}{there} and {junction.far_constraint}{far}"
    )


def _format_names(names: Iterable[str]) -> str:
    return f"({', '.join(names)})"


def _build_hint(schema: Schema, origin: Relation, embed: Embed) -> str | None:
    """Return a hint at the most similar name, or None."""
    children = {relationship.target for relationship in schema.relationships.get(origin.name, ())}
    if embed.target in children:
        return None
    if children:
        wrong, known = embed.target, children
    else:
        wrong, known = origin.name, set(schema.relationships)
    alike = get_close_matches(wrong, sorted(known), n=1)
    return f"Perhaps you meant '{alike[0]}' instead of '{wrong}'." if alike else None


def _build_forward(key: ForeignKey) -> Relationship:
    kind = Cardinality.ONE_TO_ONE if key.is_unique else Cardinality.MANY_TO_ONE
    return Relationship(key.origin, key.target, key.constraint, key.columns, kind)


def _build_backward(key: ForeignKey) -> Relationship:
    kind = Cardinality.ONE_TO_ONE if key.is_unique else Cardinality.ONE_TO_MANY
    columns = tuple((there, here) for here, there in key.columns)
    return Relationship(key.target, key.origin, key.constraint, columns, kind)


def _is_junction(table: Relation, near: ForeignKey, far: ForeignKey) -> bool:
    """Return whether the primary key includes the columns of both foreign keys."""
    if near.constraint == far.constraint:
        return False
    columns = {column for key in (near, far) for column, _ in key.columns}
    return bool(table.primary_key) and columns <= set(table.primary_key)


def _build_junction(table: Relation, near: ForeignKey, far: ForeignKey) -> Relationship:
    return Relationship(
        near.target,
        far.target,
        near.constraint,
        tuple((there, here) for here, there in near.columns),
        Cardinality.MANY_TO_MANY,
        Junction(table.name, table.sql, near.constraint, far.constraint, far.columns),
    )
