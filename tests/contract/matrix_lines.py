"""Who may use each table, view and function of ours: a line for each."""

from enum import StrEnum
from typing import Final

NOBODY: Final = "00000000-0000-4000-8000-000000000000"


class Readers(StrEnum):
    """The readers of a relation."""

    OWNERS = "owners read their rows, the service reads all"
    SERVICE = "the service alone"


RELATIONS: Final = {
    "cogo_actions": Readers.SERVICE,
    "cogo_agents": Readers.SERVICE,
    "cogo_approvals": Readers.OWNERS,
    "cogo_attempts": Readers.OWNERS,
    "cogo_calls": Readers.OWNERS,
    "cogo_column_cells": Readers.OWNERS,
    "cogo_column_versions": Readers.SERVICE,
    "cogo_columns": Readers.SERVICE,
    "cogo_dead_letters": Readers.OWNERS,
    "cogo_documents": Readers.OWNERS,
    "cogo_embeddings": Readers.OWNERS,
    "cogo_events": Readers.OWNERS,
    "cogo_memories": Readers.OWNERS,
    "cogo_messages": Readers.OWNERS,
    "cogo_model_selections": Readers.OWNERS,
    "cogo_model_stats": Readers.OWNERS,
    "cogo_model_switches": Readers.SERVICE,
    "cogo_task_previews": Readers.OWNERS,
    "cogo_project_members": Readers.OWNERS,
    "cogo_ratings": Readers.OWNERS,
    "cogo_sent_events": Readers.OWNERS,
    "cogo_sessions": Readers.OWNERS,
    "cogo_subtasks": Readers.OWNERS,
    "cogo_tasks": Readers.OWNERS,
    "cogo_turns": Readers.OWNERS,
    "cogo_usage": Readers.OWNERS,
}
WRITTEN_BY_PEOPLE: Final = {("cogo_tasks", "POST")}
"""Everything else only the service writes."""
REFUSED: Final = {("cogo_calls", "PATCH"), ("cogo_calls", "DELETE")} | {
    ("cogo_actions", method) for method in ("POST", "PATCH", "DELETE")
}
"""Audits: nobody may."""

# Arguments that reach the function and give nobody work.
USERS_FUNCTIONS: Final[dict[str, dict[str, object]]] = {
    "cogo_add_document": {
        "p_owner": None,
        "p_source": "matrix",
        "p_title": None,
        "p_sha256": "0",
        "p_chunks": [],
    },
    "cogo_answer_approval": {"p_approval_id": NOBODY, "p_approved": True},
    "cogo_approve_subtask": {"p_subtask_id": NOBODY},
    "cogo_cancel_task": {"p_task_id": NOBODY},
    "cogo_feedback": {"p_task_id": NOBODY, "p_score": 1},
    "cogo_forget_embeddings": {"p_ids": [NOBODY]},
    "cogo_forget_memory": {"p_ids": [NOBODY]},
    "cogo_forget_sessions": {"p_ids": [NOBODY]},
    "cogo_fork_task": {"p_task_id": NOBODY},
    "cogo_fork_session": {"p_owner": NOBODY, "p_session_id": NOBODY},
    "cogo_read_session": {"p_owner": NOBODY, "p_session_id": NOBODY},
    "cogo_memory_status": {"p_owner": None},
    "cogo_pause_task": {"p_task_id": NOBODY},
    "cogo_redrive_subtask": {"p_subtask_id": NOBODY},
    "cogo_redrive_task": {"p_task_id": NOBODY},
    "cogo_remember": {"p_owner": None, "p_facts": []},
    "cogo_resume_task": {"p_task_id": NOBODY},
    "cogo_usage": {},
    "cogo_schema_versions": {},
    "cogo_search_memory": {"p_owner": None, "p_query": "matrix"},
    "cogo_find_tasks": {"p_limit": 1},
    "cogo_count_tasks": {},
    "cogo_task_facets": {},
    "cogo_send_event": {"p_task_id": NOBODY, "p_name": "matrix"},
    "cogo_submit_task": {"p_prompt": "matrix", "p_run_at": "2999-01-01T00:00:00Z"},
}
AGENTS_FUNCTIONS: Final[dict[str, dict[str, object]]] = {
    "cogo_adopt_instance": {"p_host": "matrix"},
    "cogo_backfill_column": {"p_column_id": NOBODY},
    "cogo_instance": {},
    "cogo_pause_column": {"p_column_id": NOBODY},
    "cogo_resume_column": {"p_column_id": NOBODY},
    "cogo_run_columns": {"p_agent_id": "matrix", "p_limit": 1},
    "cogo_sample_column": {"p_column_id": NOBODY},
    "cogo_verify_instance": {"p_agent_id": "matrix", "p_host": "matrix"},
    "cogo_api_keys": {},
    "cogo_check_api_key": {"p_id": "nobody", "p_hash": "0"},
    "cogo_check_writes": {},
    "cogo_create_api_key": {
        "p_id": "matrix",
        "p_hash": "0" * 64,
        "p_name": "matrix",
        "p_scopes": [],
    },
    "cogo_revoke_api_key": {"p_id": "matrix"},
    "cogo_cache_answer": {
        "p_key": "matrix",
        "p_owner": None,
        "p_model_id": "matrix",
        "p_answer": {"text": "a"},
        "p_seconds": 1,
    },
    "cogo_cached_answer": {"p_key": "none"},
    "cogo_claim_subtasks": {"p_agent_id": "matrix", "p_lanes": ["matrix"], "p_limit": 1},
    "cogo_complete_subtasks": {"p_agent_id": "matrix", "p_items": []},
    "cogo_complete_and_claim": {
        "p_agent_id": "matrix",
        "p_items": [],
        "p_lanes": ["matrix"],
        "p_limit": 1,
    },
    "cogo_deployments": {},
    "cogo_draw": {"p_request_id": NOBODY, "p_draws": []},
    "cogo_begin_call": {
        "p_agent_id": "matrix",
        "p_call": {"id": NOBODY, "model_id": "m", "provider": "p", "subtask_id": NOBODY},
    },
    "cogo_begin_calls": {"p_agent_id": "matrix", "p_calls": []},
    "cogo_budgets": {},
    "cogo_end_call": {
        "p_agent_id": "matrix",
        "p_call": {"id": NOBODY, "outcome": "failed", "model_id": "m", "provider": "p"},
    },
    "cogo_extend_leases": {"p_agent_id": "matrix", "p_leases": []},
    "cogo_fail_subtask": {
        "p_agent_id": "matrix",
        "p_subtask_id": NOBODY,
        "p_attempt": 1,
        "p_error": {"class": "timeout", "message": "no"},
    },
    "cogo_forgotten_sessions": {},
    "cogo_grants": {},
    "cogo_keep_embeddings": {"p_owner": NOBODY, "p_items": []},
    "cogo_nearest_embeddings": {"p_owner": NOBODY, "p_model_id": "m", "p_vector": [1]},
    "cogo_erase_owner": {"p_owner": NOBODY, "p_dry_run": True},
    "cogo_export_owner": {"p_owner": NOBODY, "p_table": "public.cogo_tasks"},
    "cogo_export_tables": {},
    "cogo_register_index": {"p_index": "matrix"},
    "cogo_list_vector_changes": {"p_index": "matrix"},
    "cogo_confirm_vector_changes": {"p_index": "matrix", "p_through": 0},
    "cogo_run_memory": {"p_agent_id": "matrix", "p_limit": 1},
    "cogo_control_model": {"p_action": "allow", "p_subject": "matrix"},
    "cogo_set_policy": {"p_policy": None},
    "cogo_may_read_object": {"p_owner": NOBODY, "p_bucket": "b", "p_path": "p"},
    "cogo_model_outcomes": {},
    "cogo_judged_answers": {},
    "cogo_model_report": {},
    "cogo_model_knowledge": {"p_agent_id": "matrix"},
    "cogo_prune": {"p_limit": 0},
    "cogo_prune_records": {"p_limit": 0},
    "cogo_projects": {},
    "cogo_remove_project_member": {"p_project": "matrix", "p_user_id": NOBODY},
    "cogo_set_project_member": {"p_project": "m", "p_user_id": NOBODY, "p_role": "viewer"},
    "cogo_queue": {},
    "cogo_queue_history": {},
    "cogo_dead_letter_groups": {},
    "cogo_reap": {"p_limit": 1},
    "cogo_record_agent": {"p_agent": {"id": "matrix", "kind": "executor"}},
    "cogo_record_selection": {"p_selection": {"selected_model": "matrix", "reason": "matrix"}},
    "cogo_release_subtasks": {"p_agent_id": "nobody"},
    "cogo_report_calls": {"p_agent_id": "matrix", "p_report": 1},
    "cogo_remove_budget": {"p_scope": "total", "p_key": None, "p_per": "day"},
    "cogo_silent_ms": {"p_agent": {"id": "matrix", "kind": "executor"}},
    "cogo_set_budget": {
        "p_scope": "provider",
        "p_key": "matrix",
        "p_per": "day",
        "p_limit_usd": 1,
    },
    "cogo_set_grants": {"p_owner": NOBODY, "p_models": ["matrix"]},
    "cogo_set_lane": {"p_lane": "matrix"},
    "cogo_spending_stop": {},
    "cogo_stop_spending": {},
    "cogo_resume_spending": {},
    "cogo_step_outputs": {"p_task_id": NOBODY, "p_keys": ["a"]},
    "cogo_store_turns": {"p_agent_id": "matrix", "p_items": []},
    "cogo_subtask_turns": {"p_subtask_id": NOBODY},
    "cogo_take_trial": {"p_agent_id": "m", "p_deployment": "m", "p_trial_id": NOBODY},
    "cogo_set_owner": {"p_owner": NOBODY},
}
