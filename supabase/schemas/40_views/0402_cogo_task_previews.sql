create or replace view public.cogo_task_previews
  with (security_invoker = true)
as
  select t.id, t.seq, t.type, left(t.prompt, 300) as prompt, cogo.preview(t.params) as params,
         t.priority, t.owner, t.session_id, t.idempotency_key, t.model,
         cogo.preview(t.preferences) as preferences, t.budget_usd, t.deadline, t.run_at, t.stream,
         t.status, cogo.preview(t.result) as result, cogo.preview(t.error) as error, t.cost_usd,
         t.input_tokens, t.cached_tokens, t.output_tokens, t.reasoning_tokens, t.simulated,
         t.cancel_requested_at, t.paused_at, t.created_at, t.started_at, t.finished_at
    from public.cogo_tasks t;
comment on view public.cogo_task_previews is
  'Tasks for lists: the first 300 characters of the prompt, and of params and results beyond 4 KiB
only their short fields.';

revoke all on public.cogo_task_previews from public, anon, authenticated, service_role;
grant select on public.cogo_task_previews to authenticated, service_role;
