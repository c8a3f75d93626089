"""The grammar of filters: `not.op(modifier).value` and trees of `and`/`or`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from embedded.rest.request.scanner import MAX_DEPTH, Scanner
from embedded.rest.request.select import Field, parse_field

OPERATORS: Final[Mapping[str, str]] = {
    "eq": "=",
    "neq": "<>",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "like": "like",
    "ilike": "ilike",
    "match": "~",
    "imatch": "~*",
    "isdistinct": "is distinct from",
    "cs": "@>",
    "cd": "<@",
    "ov": "&&",
    "sl": "<<",
    "sr": ">>",
    "nxr": "&<",
    "nxl": "&>",
    "adj": "-|-",
}
QUANTIFIED: Final = frozenset({"eq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch"})
TEXT_SEARCHES: Final[Mapping[str, str]] = {
    "fts": "to_tsquery",
    "plfts": "plainto_tsquery",
    "phfts": "phraseto_tsquery",
    "wfts": "websearch_to_tsquery",
}
STATES: Final[Mapping[str, str]] = {
    "null": "is null",
    "not_null": "is not null",
    "true": "is true",
    "false": "is false",
    "unknown": "is unknown",
}
_EXPECTED: Final = '"not" or operator (eq, gt, ...)'


@dataclass(frozen=True, slots=True)
class ComparisonPredicate:
    """`op.value`, or `op(any).{values}`."""

    operator: str
    value: str
    quantifier: Literal["any", "all"] | None = None


@dataclass(frozen=True, slots=True)
class InPredicate:
    """`in.(values)`."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IsPredicate:
    """`is.null` and similar."""

    value: str


@dataclass(frozen=True, slots=True)
class TextSearchPredicate:
    """`fts(language).query`."""

    operator: str
    value: str
    language: str | None


Predicate: TypeAlias = ComparisonPredicate | InPredicate | IsPredicate | TextSearchPredicate


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on one field."""

    field: Field
    predicate: Predicate
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions joined by `and` or `or`."""

    word: Literal["and", "or"]
    conditions: tuple["Condition", ...]
    is_negated: bool = False


Condition: TypeAlias = Filter | Group


def has_operator(text: str) -> bool:
    """Return whether a parameter's value is a filter and not an argument of a function."""
    word = text.partition(".")[0].partition("(")[0]
    known = word in OPERATORS or word in TEXT_SEARCHES or word in {"not", "in", "is"}
    return known and "." in text


def parse_filter(field: Field, text: str) -> Filter:
    """Parse the value of a filter parameter, whose operand extends to the end."""
    scanner = Scanner("filter", text)
    is_negated = scanner.take("not.")
    predicate = _parse_predicate(scanner, in_tree=False)
    if not scanner.is_at_end:
        scanner.fail("end of input")
    return Filter(field, predicate, is_negated)


def parse_group(word: Literal["and", "or"], text: str, *, is_negated: bool) -> Group:
    """Parse the value of `and=` or `or=`."""
    scanner = Scanner("logic tree", text)
    conditions = _parse_conditions(scanner, depth=0)
    if not scanner.is_at_end:
        scanner.fail("end of input")
    return Group(word, conditions, is_negated)


def _parse_conditions(scanner: Scanner, *, depth: int) -> tuple[Condition, ...]:
    if depth > MAX_DEPTH:
        scanner.fail(f"at most {MAX_DEPTH} levels of logic")
    scanner.expect("(")
    conditions = [_parse_condition(scanner, depth=depth)]
    while scanner.take(","):
        conditions.append(_parse_condition(scanner, depth=depth))
    scanner.expect(")")
    return tuple(conditions)


def _parse_condition(scanner: Scanner, *, depth: int) -> Condition:
    while scanner.take(" "):
        pass
    for prefix in ("", "not."):
        for word in ("and", "or"):
            if scanner.peek(f"{prefix}{word}("):
                scanner.take(f"{prefix}{word}")
                children = _parse_conditions(scanner, depth=depth + 1)
                return Group("and" if word == "and" else "or", children, bool(prefix))
    field = parse_field(scanner)
    scanner.expect(".")
    is_negated = scanner.take("not.")
    return Filter(field, _parse_predicate(scanner, in_tree=True), is_negated)


def _parse_predicate(scanner: Scanner, *, in_tree: bool) -> Predicate:
    start = scanner.position
    word = scanner.read_until(".(")
    modifier = None
    if word != "in" and scanner.take("("):
        modifier = scanner.read_until(")")
        scanner.expect(")")
    if not scanner.take("."):
        scanner.position = start
        scanner.fail(_EXPECTED)
    if word == "in" and modifier is None:
        return InPredicate(_parse_list(scanner))
    if word == "is" and modifier is None:
        return _parse_state(scanner, in_tree=in_tree)
    if word in TEXT_SEARCHES:
        return TextSearchPredicate(word, _parse_operand(scanner, in_tree=in_tree), modifier)
    if word in OPERATORS:
        if modifier is None:
            return ComparisonPredicate(word, _parse_operand(scanner, in_tree=in_tree))
        if modifier in {"any", "all"} and word in QUANTIFIED:
            quantifier: Literal["any", "all"] = "any" if modifier == "any" else "all"
            return ComparisonPredicate(word, _parse_operand(scanner, in_tree=in_tree), quantifier)
    scanner.position = start
    return scanner.fail(_EXPECTED)


def _parse_state(scanner: Scanner, *, in_tree: bool) -> IsPredicate:
    start = scanner.position
    value = _parse_operand(scanner, in_tree=in_tree).lower()
    if value not in STATES:
        scanner.position = start
        scanner.fail("null, not_null, true, false or unknown")
    return IsPredicate(value)


def _parse_list(scanner: Scanner) -> tuple[str, ...]:
    scanner.expect("(")
    if scanner.take(")"):
        return ()
    values = [_parse_list_element(scanner)]
    while scanner.take(","):
        values.append(_parse_list_element(scanner))
    scanner.expect(")")
    return tuple(values)


def _parse_list_element(scanner: Scanner) -> str:
    return scanner.read_quoted() if scanner.peek('"') else scanner.read_until(",)")


def _parse_operand(scanner: Scanner, *, in_tree: bool) -> str:
    """Parse an operand: the rest, or in a tree up to a comma outside of quotes and braces."""
    if not in_tree:
        return scanner.read_rest()
    if scanner.peek('"'):
        return scanner.read_quoted()
    # Braces of an array enclose its commas; nested arrays are not supported, as in PostgREST.
    return scanner.match(r"\{[^{}]*\}") or scanner.read_until(",)")
