create or replace view public.cogo_subtasks
  with (security_invoker = true)
as
  select s.id, s.seq, s.task_id, s.key, s.type, s.lane, s.status, s.priority, s.deps_left,
         s.attempt, s.failures, s.max_failures, s.reaps, s.max_reaps, s.sink, s.needs_approval,
         s.run_at, s.lease_expires_at, s.agent_id, s.cancel_requested_at, s.dead_at,
         s.created_at, s.started_at, s.finished_at,
         coalesce(p.params, '{}') as params,
         coalesce(p.metadata, '{}') as metadata,
         o.output,
         a.error,
         case when c.subtask_id is not null then jsonb_build_object(
           'attempt', c.attempt, 'content', c.content, 'reasoning', c.reasoning
         ) end as checkpoint,
         array(
           select d.parent_id from cogo.dependencies d where d.child_id = s.id order by d.parent_id
         ) as dependencies,
         s.on_failure
    from cogo.subtasks s
    left join cogo.subtask_payloads p on p.subtask_id = s.id
    left join cogo.subtask_outputs o on o.subtask_id = s.id
    left join cogo.checkpoints c on c.subtask_id = s.id
    left join public.cogo_attempts a on a.subtask_id = s.id and a.attempt = s.attempt;
comment on view public.cogo_subtasks is
  'Subtasks with everything about them; error is that of the latest attempt.';

revoke all on public.cogo_subtasks from public, anon, authenticated, service_role;
grant select on public.cogo_subtasks to authenticated, service_role;
