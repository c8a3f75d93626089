create or replace view public.cogo_events
  with (security_invoker = true)
as
  select e.task_id, e.seq, e.at, e.kind, e.subtask_id, e.attempt, e.agent_id, e.detail
    from cogo.events e;
comment on view public.cogo_events is
  'The history of a task without gaps: whoever saw seq n reads on with seq > n.';

revoke all on public.cogo_events from public, anon, authenticated, service_role;
grant select on public.cogo_events to authenticated, service_role;
