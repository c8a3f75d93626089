-- Rights on functions: agents and operators call all of them, users those of the last list.

revoke all on all functions in schema cogo from public, anon, authenticated, service_role;
grant execute on all functions in schema cogo to service_role;
-- For the owner of the tables that they read and write: over a direct connection, as in a migration.
revoke all on function
  cogo.ai_column, cogo.attach_trigger, cogo.detach_trigger, cogo.install_column,
  cogo.install_trigger,
  cogo.preview_ai_column, cogo.remove_ai_column, cogo.revert_ai_column
  from service_role;
-- Called with the rights of the caller: defaults of columns, views, policies and an index.
grant execute on function
  cogo.now, cogo.to_uuid, cogo.truncate_json, cogo.can_read_topic, cogo.visible_projects,
  cogo.subtract_seconds
  to authenticated;

revoke all on function
  public.cogo_backfill_column, public.cogo_pause_column, public.cogo_resume_column,
  public.cogo_run_columns, public.cogo_sample_column,
  public.cogo_adopt_instance, public.cogo_instance, public.cogo_verify_instance,
  public.cogo_answer_approval, public.cogo_api_keys, public.cogo_approve_subtask,
  public.cogo_begin_call, public.cogo_begin_calls, public.cogo_budgets, public.cogo_cache_answer,
  public.cogo_cached_answer, public.cogo_cancel_task,
  public.cogo_check_api_key, public.cogo_check_writes, public.cogo_claim_subtasks,
  public.cogo_complete_and_claim, public.cogo_complete_subtasks,
  public.cogo_control_model, public.cogo_create_api_key,
  public.cogo_deployments, public.cogo_draw, public.cogo_end_call, public.cogo_extend_leases,
  public.cogo_fail_subtask, public.cogo_feedback, public.cogo_forget_embeddings, public.cogo_fork_task,
  public.cogo_grants,
  public.cogo_keep_embeddings, public.cogo_may_read_object, public.cogo_model_knowledge,
  public.cogo_model_outcomes, public.cogo_judged_answers,
  public.cogo_model_report, public.cogo_nearest_embeddings, public.cogo_pause_task, public.cogo_prune,
  public.cogo_prune_records, public.cogo_queue, public.cogo_reap, public.cogo_record_agent,
  public.cogo_record_selection, public.cogo_redrive_subtask, public.cogo_redrive_task,
  public.cogo_release_subtasks, public.cogo_remove_budget, public.cogo_report_calls,
  public.cogo_resume_task, public.cogo_revoke_api_key, public.cogo_schema_versions,
  public.cogo_send_event,
  public.cogo_set_budget, public.cogo_set_grants, public.cogo_set_lane, public.cogo_set_owner,
  public.cogo_set_policy, public.cogo_silent_ms, public.cogo_step_outputs, public.cogo_store_turns,
  public.cogo_submit_task, public.cogo_subtask_turns, public.cogo_take_trial,
  public.cogo_add_document, public.cogo_confirm_vector_changes, public.cogo_forget_memory,
  public.cogo_list_vector_changes, public.cogo_register_index, public.cogo_remember,
  public.cogo_memory_status, public.cogo_run_memory, public.cogo_search_memory
  from public, anon, authenticated, service_role;
grant execute on function
  public.cogo_backfill_column, public.cogo_pause_column, public.cogo_resume_column,
  public.cogo_run_columns, public.cogo_sample_column,
  public.cogo_adopt_instance, public.cogo_instance, public.cogo_verify_instance,
  public.cogo_api_keys, public.cogo_begin_call, public.cogo_begin_calls, public.cogo_budgets,
  public.cogo_cache_answer, public.cogo_cached_answer, public.cogo_check_api_key,
  public.cogo_check_writes,
  public.cogo_claim_subtasks, public.cogo_complete_and_claim, public.cogo_complete_subtasks,
  public.cogo_control_model,
  public.cogo_create_api_key, public.cogo_deployments, public.cogo_draw, public.cogo_end_call,
  public.cogo_extend_leases, public.cogo_fail_subtask, public.cogo_grants,
  public.cogo_keep_embeddings, public.cogo_may_read_object, public.cogo_model_knowledge,
  public.cogo_model_outcomes, public.cogo_judged_answers,
  public.cogo_model_report, public.cogo_nearest_embeddings, public.cogo_prune,
  public.cogo_prune_records, public.cogo_queue,
  public.cogo_reap, public.cogo_record_agent, public.cogo_record_selection,
  public.cogo_release_subtasks, public.cogo_remove_budget, public.cogo_report_calls,
  public.cogo_revoke_api_key, public.cogo_set_budget, public.cogo_set_grants, public.cogo_set_lane,
  public.cogo_set_owner, public.cogo_set_policy, public.cogo_silent_ms, public.cogo_step_outputs,
  public.cogo_store_turns, public.cogo_subtask_turns, public.cogo_take_trial,
  public.cogo_confirm_vector_changes, public.cogo_list_vector_changes, public.cogo_register_index,
  public.cogo_run_memory
  to service_role;
grant execute on function
  public.cogo_submit_task, public.cogo_cancel_task, public.cogo_pause_task, public.cogo_resume_task,
  public.cogo_redrive_task, public.cogo_redrive_subtask, public.cogo_answer_approval,
  public.cogo_approve_subtask, public.cogo_send_event,
  public.cogo_feedback, public.cogo_forget_embeddings, public.cogo_fork_task,
  public.cogo_schema_versions,
  public.cogo_add_document, public.cogo_forget_memory, public.cogo_memory_status,
  public.cogo_remember, public.cogo_search_memory
  to authenticated, service_role;

-- Projects.
revoke all on function
  public.cogo_projects, public.cogo_remove_project_member, public.cogo_set_project_member
  from public, anon, authenticated, service_role;
grant execute on function
  public.cogo_projects, public.cogo_remove_project_member, public.cogo_set_project_member
  to service_role;

-- Sessions.
revoke all on function
  public.cogo_fork_session, public.cogo_forget_sessions, public.cogo_forgotten_sessions,
  public.cogo_read_session
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_forgotten_sessions to service_role;
grant execute on function
  public.cogo_fork_session, public.cogo_forget_sessions, public.cogo_read_session
  to authenticated, service_role;

-- Stopping all spending.
revoke all on function
  public.cogo_spending_stop, public.cogo_stop_spending, public.cogo_resume_spending
  from public, anon, authenticated, service_role;
grant execute on function
  public.cogo_spending_stop, public.cogo_stop_spending, public.cogo_resume_spending
  to service_role;

-- Erasures and exports.
revoke all on function
  public.cogo_erase_owner, public.cogo_export_owner, public.cogo_export_tables,
  public.cogo_erase_project, public.cogo_export_project
  from public, anon, authenticated, service_role;
grant execute on function
  public.cogo_erase_owner, public.cogo_export_owner, public.cogo_export_tables,
  public.cogo_erase_project, public.cogo_export_project
  to service_role;

-- Usage.
revoke all on function
  public.cogo_usage, public.cogo_queue_history, public.cogo_dead_letter_groups
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_queue_history, public.cogo_dead_letter_groups to service_role;
grant execute on function public.cogo_usage to authenticated, service_role;
grant execute on function
  cogo.check_usage_question, cogo.split_usage, cogo.list_usage_grains, cogo.read_usage_key,
  cogo.sum_usage, cogo.latency_bin
  to authenticated;

-- Finding tasks.
revoke all on function
  public.cogo_find_tasks, public.cogo_count_tasks, public.cogo_task_facets
  from public, anon, authenticated, service_role;
grant execute on function
  public.cogo_find_tasks, public.cogo_count_tasks, public.cogo_task_facets
  to authenticated, service_role;
