"""Faults for the database, applied one at a time, and the tests that must notice each."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from tests.mutation.python_mutants import Mutant, copy_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlFault:
    """One text of one file of the schema, replaced by a wrong one."""

    name: str
    file: str
    """Below supabase/schemas."""
    old: str
    """Occurs exactly once in the file."""
    new: str
    tests: tuple[str, ...]
    """Laws below tests/db, of which at least one must fail."""


FAULTS: Final = (
    SqlFault(
        name="a call that ends late is in no sum",
        file="85_spending/28_ended_calls.sql",
        old="if v_first < (select",
        new="if false and v_first < (select",
        tests=("test_usage_sums.py::test_sums_agree_with_the_calls_whatever_happens",),
    ),
    SqlFault(
        name="a corrected call stays in the sums as it was",
        file="85_spending/27_usage_changes.sql",
        old="array(select o.started_at from old_rows o union all",
        new="array(select o.started_at from old_rows o where false union all",
        tests=("test_usage_sums.py::test_sums_agree_with_the_calls_whatever_happens",),
    ),
    SqlFault(
        name="hours are summed while calls of them are being written",
        file="88_rpc_operators/54_sum_hours.sql",
        old="if v_clock.next_xid > pg_snapshot_xmin(",
        new="if false and v_clock.next_xid > pg_snapshot_xmin(",
        tests=(
            "test_usage_sums.py::test_a_call_that_is_written_while_hours_are_summed_is_not_missed",
        ),
    ),
    SqlFault(
        name="an hour that a day of the zone divides counts for one day",
        file="88_rpc_operators/54_usage_questions.sql",
        old="where p_bucket = 'all' or h.start",
        new="where true or h.start",
        tests=("test_usage_sums.py::test_sums_agree_with_the_calls_whatever_happens",),
    ),
    SqlFault(
        name="an erased owner stays in sums",
        file="88_rpc_operators/94_erase_rest.sql",
        old="v_sums := cogo.drop_changed_sums(p_owner, null);",
        new="v_sums := 0;",
        tests=("test_usage_sums.py::test_nothing_is_left_of_an_owner_in_sums",),
    ),
    SqlFault(
        name="what calls a model is claimed while spending is stopped",
        file="70_queue/60_limits.sql",
        old=" and not (v_stopped and cogo.is_calling_lane(wanted.lane))",
        new="",
        tests=("test_stopped_spending.py::test_only_what_calls_a_model_waits",),
    ),
    SqlFault(
        name="a call that waited for a cap begins after the stop",
        file="85_spending/30_calls.sql",
        old="  -- It may have waited for the locks of budgets.\n"
        "  if exists (select from cogo.spending_stop) then",
        new="  if false then",
        tests=(
            "test_stopped_spending.py::"
            "test_a_call_that_waits_for_a_cap_when_spending_is_stopped_does_not_begin",
        ),
    ),
    SqlFault(
        name="a user is believed who says to be an operator",
        file="10_schema/50_caller.sql",
        old="  if not cogo.is_operator() then\n    return '{}';\n  end if;\n",
        new="",
        tests=("test_actions.py::test_a_user_cannot_act_in_the_name_of_somebody_else",),
    ),
    SqlFault(
        name="the hash of a key is in the log of actions",
        file="60_triggers/90_actions.sql",
        old="for each row execute function cogo.record_action('key', 'id', 'id,hash,created_at,"
        "last_used_at');\n-- The deletion",
        new="for each row execute function cogo.record_action('key', 'id', 'id,created_at,"
        "last_used_at');\n-- The deletion",
        tests=("test_actions.py::test_plain_sql_is_recorded_with_the_role_that_ran_it",),
    ),
    SqlFault(
        name="the usage of an attempt that failed after a stop is dropped",
        file="80_rpc_agents/35_fail.sql",
        old="cogo.cancel_running(p_subtask_id, p_attempt, p_usage)",
        new="cogo.cancel_running(p_subtask_id, p_attempt, null)",
        tests=("test_tasks.py::test_the_cost_of_an_attempt_that_failed_after_a_stop_is_booked",),
    ),
    SqlFault(
        name="a rotation prolongs an earlier expiry",
        file="88_rpc_operators/70_api_keys.sql",
        old="least(k.expires_at, cogo.now() + make_interval(secs => p_grace_seconds))",
        new="cogo.now() + make_interval(secs => p_grace_seconds)",
        tests=(
            "test_api_keys.py::"
            "test_a_rotation_ends_the_old_key_after_its_grace_and_never_later_than_it_would",
        ),
    ),
    SqlFault(
        name="a key is valid at the moment of its expiry",
        file="88_rpc_operators/70_api_keys.sql",
        old="k.expires_at > cogo.now()",
        new="k.expires_at >= cogo.now()",
        tests=("test_api_keys.py::test_a_key_ends_at_the_moment_of_its_expiry",),
    ),
    SqlFault(
        name="planning counts towards an owner's rate",
        file="70_queue/60_limits.sql",
        old="where s.id = any (p_subtask_ids) and s.lane <> 'cio' group by s.owner",
        new="where s.id = any (p_subtask_ids) group by s.owner",
        tests=("test_limits.py::test_planning_does_not_spend_the_rate_of_an_owner",),
    ),
    SqlFault(
        name="a cost that equals what is left is refused",
        file="85_spending/20_caps.sql",
        old="p_spent + p_reserved + p_usd > p_limit",
        new="p_spent + p_reserved + p_usd >= p_limit",
        tests=(
            "test_budgets.py::"
            "test_a_call_that_costs_all_that_is_left_is_made_or_waits_for_what_runs",
        ),
    ),
    SqlFault(
        name="a cost that equals the limit does not wait for running calls",
        file="85_spending/20_caps.sql",
        old="p_spent + p_usd <= p_limit",
        new="p_spent + p_usd < p_limit",
        tests=(
            "test_budgets.py::"
            "test_a_call_that_costs_all_that_is_left_is_made_or_waits_for_what_runs",
        ),
    ),
    SqlFault(
        name="a day begins in the time zone of the session",
        file="85_spending/10_periods.sql",
        old="date_trunc(p_per, p_now at time zone 'utc') at time zone 'utc'",
        new="date_trunc(p_per, p_now)",
        tests=(
            "test_budgets.py::test_days_and_months_are_those_of_utc_in_a_session_of_any_time_zone",
        ),
    ),
    SqlFault(
        name="a day is added in the time zone of the session",
        file="85_spending/10_periods.sql",
        old="""date_trunc(p_per, p_now at time zone 'utc') + ('1 ' || p_per)::interval
    ) at time zone 'utc'""",
        new="""date_trunc(p_per, p_now at time zone 'utc') at time zone 'utc'
      + ('1 ' || p_per)::interval
    )""",
        tests=(
            "test_budgets.py::test_days_and_months_are_those_of_utc_in_a_session_of_any_time_zone",
        ),
    ),
    SqlFault(
        name="the default cap holds for tasks without an owner",
        file="85_spending/20_caps.sql",
        old="where o.key <> '00000000-0000-0000-0000-000000000000'\n       and not exists",
        new="where not exists",
        tests=("test_budgets.py::test_the_default_cap_ends_where_operators_name_an_owner",),
    ),
    SqlFault(
        name="priorities count among owners",
        file="60_triggers/40_assign_turn.sql",
        old="), 5::smallint",
        new="), p_priority",
        tests=(
            "test_order.py::test_a_small_owner_is_served_among_the_first_behind_a_large_backlog_of_"
            "any_priority",
        ),
    ),
    SqlFault(
        name="subtasks that pass others do not swap turns",
        file="70_queue/70_choose_subtasks.sql",
        old="(values (a.id, b.turn), (b.id, a.turn))",
        new="(values (a.id, b.turn))",
        tests=("test_order.py::test_an_owner_has_no_more_turns_for_using_many_priorities",),
    ),
    SqlFault(
        name="a clock passes queued subtasks",
        file="70_queue/65_clocks.sql",
        old="v_round := least(p_round, v_round);",
        new="v_round := greatest(p_round, v_round);",
        tests=("test_order.py::test_a_clock_does_not_pass_what_still_waits",),
    ),
    SqlFault(
        name="a head passes what is committed late",
        file="70_queue/65_clocks.sql",
        old="elsif v_clock.next_xid < v_ended then",
        new="else",
        tests=("test_heads.py::test_what_is_committed_late_is_claimed_next",),
    ),
    SqlFault(
        name="a head passes levels that are granted later",
        file="88_rpc_operators/60_grants.sql",
        old="    perform cogo.reset_heads();",
        new="    null;",
        tests=("test_heads.py::test_a_level_that_is_granted_later_is_before_the_head",),
    ),
    SqlFault(
        name="the older lane is always served first",
        file="70_queue/70_choose_subtasks.sql",
        old="p.nth_in_lane, coalesce(k.served, 0), p.created_at",
        new="p.nth_in_lane, p.created_at",
        tests=(
            "test_order.py::"
            "test_a_lane_is_not_passed_over_for_older_and_more_urgent_work_of_another",
        ),
    ),
    SqlFault(
        name="an agent may end another agent's attempt",
        file="70_queue/20_attempts.sql",
        old="    when (p_attempt).agent_id <> p_agent_id then 'stale'\n",
        new="",
        tests=("test_leases.py::test_another_agent_cannot_end_or_extend_a_lease",),
    ),
    SqlFault(
        name="a subtask dies one failure late",
        file="70_queue/30_subtasks.sql",
        old="v_failures >= p_subtask.max_failures",
        new="v_failures > p_subtask.max_failures",
        tests=("test_failures.py::test_the_last_failure_makes_a_dead_letter_and_fails_the_task",),
    ),
    SqlFault(
        name="a subtask may kill one more worker",
        file="70_queue/50_leases.sql",
        old="p_subtask.reaps + 1 >= p_subtask.max_reaps",
        new="p_subtask.reaps + 1 > p_subtask.max_reaps",
        tests=("test_failures.py::test_a_subtask_that_kills_its_workers_ends_as_a_dead_letter",),
    ),
    SqlFault(
        name="the hundredth subtask is not announced",
        file="50_messages/20_subtasks.sql",
        old="n.number <= 100 - v_count",
        new="n.number < 100 - v_count",
        tests=("test_growth.py::test_beyond_a_hundred_the_last_of_each_lane_says_how_many_more",),
    ),
    SqlFault(
        name="an idempotency key is accepted with another budget",
        file="90_rpc_users/10_submit.sql",
        old="v_task.session_id, v_task.budget_usd, v_task.stream",
        new="v_task.session_id, p_budget_usd, v_task.stream",
        tests=("test_inserts.py::test_the_same_key_for_another_request_is_refused",),
    ),
    SqlFault(
        name="messages of a session have no owner",
        file="75_plans/50_outputs.sql",
        old="select t.owner, t.session_id, m.value",
        new="select null, t.session_id, m.value",
        tests=("test_inserts.py::test_the_id_of_a_session_is_separate_for_each_owner",),
    ),
    SqlFault(
        name="every user may listen to every task",
        file="90_rpc_users/70_access.sql",
        old="t.owner = (select auth.uid()) or t.project",
        new="true or t.project",
        tests=("test_access.py::test_owners_hear_their_tasks_and_nobody_else_does",),
    ),
    SqlFault(
        name="members of one project see all projects",
        file="20_tables/15_projects.sql",
        old="from public.cogo_project_members m where m.user_id = auth.uid();",
        new="from public.cogo_project_members m;",
        tests=("test_access.py::test_members_see_what_belongs_to_the_tasks_of_their_projects",),
    ),
    SqlFault(
        name="viewers change tasks",
        file="90_rpc_users/20_tasks.sql",
        old="or cogo.is_editor(v_task.project, auth.uid())",
        new="or true",
        tests=(
            "test_project_members.py::test_an_editor_changes_tasks_of_others_and_a_viewer_does_not",
        ),
    ),
    SqlFault(
        name="everybody submits to a project with members",
        file="60_triggers/20_prepare_task.sql",
        old="and not cogo.is_editor(p_project, p_owner) then",
        new="and false then",
        tests=(
            "test_project_members.py"
            "::test_a_project_with_members_takes_tasks_from_its_editors_only",
        ),
    ),
    SqlFault(
        name="a project's cap is for no call",
        file="85_spending/20_caps.sql",
        old="\n        or b.scope = 'project' and b.key = any (p_projects)\n    returning",
        new="\n    returning",
        tests=("test_project_caps.py::test_the_cap_of_a_project_holds_its_tasks_only",),
    ),
)


def run_faults(root: Path, *, only: str, say: Callable[[str], None]) -> list[Mutant]:
    """Run each fault whose name matches `only` against its tests; return one entry for each.

    Raises subprocess.CalledProcessError if the tests fail without any fault.
    """
    faults = [fault for fault in FAULTS if fnmatch(fault.name, only)]
    if not faults:
        return []
    with copy_of(root) as tree:
        say("first the tests without any fault ...")
        subprocess.run(
            _pytest([test for fault in faults for test in fault.tests]), cwd=tree, check=True
        )
        found = []
        for fault in faults:
            found.append(run_fault(tree, fault))
            say(f"{found[-1].verdict}: {fault.name}")
        return found


def run_fault(tree: Path, fault: SqlFault) -> Mutant:
    """Put a fault into a copy of the tree, run its tests, and take the fault out again.

    Raises ValueError if the text to replace does not occur exactly once.
    """
    path = tree / "supabase" / "schemas" / fault.file
    original = path.read_text()
    changed = apply_fault(original, fault)
    path.write_text(changed)
    try:
        _migrate(tree)
        tests = subprocess.run(
            _pytest(fault.tests), cwd=tree, check=False, stdout=subprocess.DEVNULL
        )
    finally:
        path.write_text(original)
        _migrate(tree)
    diff = "\n".join(
        unified_diff(
            original.splitlines(), changed.splitlines(), fault.file, fault.file, "", "", 1, ""
        )
    )
    return Mutant(fault.name, _VERDICTS.get(tests.returncode, "not run"), diff)


_VERDICTS: Final = {0: "survived", 1: "caught"}
"""By pytest's exit code; another one means that no test ran, which catches nothing."""


def apply_fault(text: str, fault: SqlFault) -> str:
    """Return the text of a schema file with the fault. Raises ValueError unless it fits once."""
    if text.count(fault.old) != 1:
        raise ValueError(
            f"{fault.name}: {fault.file} holds {text.count(fault.old)} times: {fault.old}"
        )
    return text.replace(fault.old, fault.new)


def _pytest(tests: Sequence[str]) -> list[str]:
    paths = dict.fromkeys(f"tests/db/{test}" for test in tests)
    return [sys.executable, "-m", "pytest", "-q", "-n0", "-k", "pg18", *paths]


def _migrate(tree: Path) -> None:
    """Make the files of the schema the migrations of a copy."""
    migrations = tree / "supabase" / "migrations"
    for path in migrations.glob("*.sql"):
        path.unlink()
    for number, path in enumerate(sorted((tree / "supabase" / "schemas").glob("*/*.sql"))):
        shutil.copy(path, migrations / f"{number:014}_{path.name}")
