"""Mutants: databases with one guard taken out, each of which the checker must report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.chaos.faults import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One missing guard, and the law that must report it."""

    name: str
    changes: Sequence[tuple[str, str, str]]
    """Function, the words in its source, and what stands there instead."""
    statements: Sequence[str] = ()
    reported_as: frozenset[str]
    """Laws of which at least one must be reported as broken."""
    shares: Mapping[Kind, int]
    """The faults under which the guard matters."""
    settle: float = 5.0
    """How many seconds open work gets to end, where only an end shows what is missing."""

    def sql(self) -> list[str]:
        """Return the statements that make it; they fail when the text is not found."""
        return [*self.statements, *(change_function(*each) for each in self.changes)]


# What is left would still be refused by the index that allows one open attempt.
_NO_INDEX: Final = "drop index public.cogo_attempts_one_running"
_DEATHS: Final = {Kind.KILL: 4, Kind.REPLAY: 4, Kind.ANSWERS: 2}

MUTANTS: Final = (
    Mutant(
        name="no fence",
        changes=[
            (
                "complete_subtasks",
                "cogo.check_fence(p_agent_id, a, s) as state",
                "case when a.attempt is null then 'unknown' else 'held' end as state",
            ),
            (
                "cogo_fail_subtask",
                "v_answer := cogo.check_fence(p_agent_id, v_attempt, v_subtask);",
                "v_answer := case when found then 'held' else 'unknown' end;",
            ),
        ],
        reported_as=frozenset({"unfenced", "duplicated"}),
        shares=_DEATHS,
    ),
    Mutant(
        name="no fence of stored turns",
        changes=[
            (
                "cogo_store_turns",
                "v_state := cogo.check_fence(p_agent_id, v_attempt, v_subtask);",
                "v_state := case when v_attempt.attempt is null then 'unknown' else 'held' end;",
            ),
        ],
        reported_as=frozenset({"unfenced", "misplaced"}),
        shares=_DEATHS,
    ),
    Mutant(
        name="claim without a lock",
        changes=[
            ("choose_subtasks", "for no key update of t, s skip locked", ""),
            # Between the look and the claim there is little time; here there is enough.
            (
                "lease_subtasks",
                "v_ids := cogo.choose_subtasks(v_lanes, v_rooms, v_owners, p_limit);",
                "v_ids := cogo.choose_subtasks(v_lanes, v_rooms, v_owners, p_limit);\n"
                "  perform pg_sleep(0.05);",
            ),
        ],
        statements=[_NO_INDEX],
        reported_as=frozenset({"overlaps"}),
        shares=_DEATHS,
    ),
    Mutant(
        name="claim of what is running",
        changes=[
            (
                "choose_subtasks",
                "s.status = 'queued' and not s.regulated",
                "s.status in ('queued', 'running')",
            ),
            # What a turn gets is chosen after the turns.
            (
                "choose_subtasks",
                "s.status = 'queued' and s.lane = h.lane",
                "s.status in ('queued', 'running') and s.lane = h.lane",
            ),
        ],
        statements=[_NO_INDEX],
        reported_as=frozenset({"overlaps"}),
        shares=_DEATHS,
    ),
    Mutant(
        name="attempt used again after a reap",
        changes=[
            (
                "take_back_lease",
                "perform cogo.requeue_subtask(p_subtask.id);",
                "perform cogo.requeue_subtask(p_subtask.id);\n"
                "  update cogo.subtasks set attempt = attempt - 1 where id = p_subtask.id;",
            ),
            (
                "lease_subtasks",
                "from leased c\n  )",
                "from leased c\n"
                "    on conflict on constraint cogo_attempts_pkey do update\n"
                "      set agent_id = excluded.agent_id, ended_at = null, outcome = null,\n"
                "          claimed_at = excluded.claimed_at\n  )",
            ),
        ],
        reported_as=frozenset({"misnumbered"}),
        shares=_DEATHS,
    ),
    Mutant(
        name="ends of steps numbered anew",
        changes=[("record_ends", "f.ends - c.ends as before", "0 as before")],
        reported_as=frozenset({"misordered"}),
        shares=_DEATHS,
    ),
    Mutant(
        name="costs of child tasks kept from their parents",
        changes=[("apply_wakes", "perform cogo.book_child_costs(v_children);", "")],
        reported_as=frozenset({"unapplied", "miscounted"}),
        shares=_DEATHS,
        settle=120.0,
    ),
    Mutant(
        name="reservations of the dead kept",
        changes=[
            (
                "close_attempts",
                "perform cogo.record_lost_calls(p_subtask_ids, p_attempts);",
                "null;",
            )
        ],
        reported_as=frozenset({"reserved"}),
        shares=_DEATHS,
    ),
    Mutant(
        name="every judgement of an answer counted",
        changes=[
            ("weigh_judgements", "row_number() over strongest = 1 as is_best", "true as is_best")
        ],
        reported_as=frozenset({"misjudged"}),
        shares=_DEATHS,
        settle=120.0,
    ),
)


def change_function(function: str, words: str, instead: str) -> str:
    """Return a statement that replaces words in the source of a function, or fails."""
    return f"""
do $mutate$
declare
  v_source text := pg_get_functiondef(p.oid) from pg_proc p where p.proname = '{function}';
  v_words text := $words${words}$words$;
begin
  if position(v_words in v_source) > 0 is not true then
    raise exception 'the words are not in {function}';
  end if;
  execute replace(v_source, v_words, $words${instead}$words$);
end;
$mutate$
"""
