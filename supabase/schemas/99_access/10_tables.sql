-- Rights on tables and views. Row level security, beside each table, limits them to the rows of the
-- caller. Users read and insert their tasks; agents and operators (service_role) read and write.

revoke all on all tables in schema cogo from public, anon, authenticated, service_role;
revoke all on all sequences in schema cogo from public, anon, authenticated, service_role;
grant select, insert, update, delete on all tables in schema cogo to service_role;
grant usage on sequence cogo.lane_services, cogo.vector_change_numbers to service_role;
revoke insert, update, delete on cogo.schema_versions from service_role;
revoke update, delete on cogo.write_checks from service_role;
grant truncate on cogo.write_checks to service_role;
-- What is installed decides which tables of the owner of this schema are read and written.
revoke insert, update, delete on
  cogo.ai_columns, cogo.ai_column_versions, cogo.ai_edits, cogo.ai_cells
  from service_role;
-- What only functions of the owner of this schema write.
revoke insert, update, delete on
  cogo.memory_words, cogo.document_parts
  from service_role;
revoke all on public.cogo_actions from public, anon, authenticated, service_role;
grant select on public.cogo_actions to service_role;
-- The views in `public` run with the rights of the caller.
grant select on cogo.ai_cells to authenticated;
grant select on cogo.usage_sums, cogo.usage_changes, cogo.usage_clock to authenticated;
grant select (id, table_id, column_name, version) on cogo.ai_columns to authenticated;
grant select on
  cogo.subtasks, cogo.subtask_payloads, cogo.subtask_outputs, cogo.checkpoints, cogo.dependencies,
  cogo.flows, cogo.events, cogo.turns, cogo.reported_calls
  to authenticated;
grant select (child_id, subtask_id) on cogo.child_tasks to authenticated;

revoke all on public.cogo_columns, public.cogo_column_versions, public.cogo_column_cells
  from public, anon, authenticated, service_role;
grant select on public.cogo_columns, public.cogo_column_versions, public.cogo_column_cells
  to service_role;
grant select on public.cogo_column_cells to authenticated;
revoke all on
  public.cogo_tasks, public.cogo_approvals, public.cogo_sent_events, public.cogo_sessions,
  public.cogo_messages, public.cogo_attempts,
  public.cogo_model_selections, public.cogo_ratings, public.cogo_calls, public.cogo_embeddings,
  public.cogo_agents, public.cogo_model_switches, public.cogo_subtasks, public.cogo_task_previews,
  public.cogo_events, public.cogo_dead_letters, public.cogo_model_stats, public.cogo_usage,
  public.cogo_turns, public.cogo_documents, public.cogo_memories
  from public, anon, authenticated, service_role;
grant select on
  public.cogo_tasks, public.cogo_approvals, public.cogo_sent_events, public.cogo_sessions,
  public.cogo_messages, public.cogo_attempts,
  public.cogo_model_selections, public.cogo_ratings, public.cogo_calls, public.cogo_embeddings,
  public.cogo_subtasks, public.cogo_task_previews, public.cogo_events, public.cogo_dead_letters,
  public.cogo_model_stats, public.cogo_usage, public.cogo_turns,
  public.cogo_documents, public.cogo_memories
  to authenticated;
-- An owner may be sent; a trigger replaces it by the caller.
grant insert (
  id, type, prompt, params, priority, owner, session_id, idempotency_key, model, preferences,
  budget_usd, deadline, run_at, stream, project, tags
) on public.cogo_tasks to authenticated;
grant select on
  public.cogo_tasks, public.cogo_approvals, public.cogo_sent_events, public.cogo_sessions,
  public.cogo_messages, public.cogo_attempts,
  public.cogo_model_selections, public.cogo_ratings, public.cogo_calls, public.cogo_embeddings,
  public.cogo_agents, public.cogo_model_switches, public.cogo_subtasks, public.cogo_task_previews,
  public.cogo_events, public.cogo_dead_letters, public.cogo_model_stats, public.cogo_usage,
  public.cogo_turns, public.cogo_documents, public.cogo_memories
  to service_role;
-- Rows of the audit log, public.cogo_calls, are only added.
grant insert on
  public.cogo_tasks, public.cogo_approvals, public.cogo_sent_events, public.cogo_sessions,
  public.cogo_messages, public.cogo_attempts,
  public.cogo_model_selections, public.cogo_ratings, public.cogo_calls, public.cogo_embeddings,
  public.cogo_agents, public.cogo_model_switches, public.cogo_documents, public.cogo_memories
  to service_role;
grant update, delete on
  public.cogo_tasks, public.cogo_approvals, public.cogo_sent_events, public.cogo_sessions,
  public.cogo_messages, public.cogo_attempts,
  public.cogo_model_selections, public.cogo_ratings, public.cogo_embeddings, public.cogo_agents,
  public.cogo_model_switches, public.cogo_documents, public.cogo_memories
  to service_role;

revoke all on public.cogo_project_members from public, anon, authenticated, service_role;
grant select on public.cogo_project_members to authenticated;
grant select, insert, update, delete on public.cogo_project_members to service_role;
