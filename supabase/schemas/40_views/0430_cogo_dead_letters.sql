create or replace view public.cogo_dead_letters
  with (security_invoker = true)
as
  select s.id as subtask_id, s.task_id, s.key, s.type, s.lane, s.on_failure, s.failures, s.reaps,
         s.dead_at,
         (
           select coalesce(
                    jsonb_agg(
                      jsonb_build_object(
                        'attempt', a.attempt, 'agent_id', a.agent_id, 'lane', a.lane,
                        'model_id', a.model_id, 'claimed_at', a.claimed_at,
                        'ended_at', a.ended_at, 'outcome', a.outcome, 'error', a.error
                      ) order by a.attempt
                    ), '[]'
                  )
             from public.cogo_attempts a
            where a.subtask_id = s.id
         ) as attempts
    from cogo.subtasks s
   where s.dead_at is not null;
comment on view public.cogo_dead_letters is
  'Subtasks that failed for good, with every attempt at them. Redriving takes them out.';

revoke all on public.cogo_dead_letters from public, anon, authenticated, service_role;
grant select on public.cogo_dead_letters to authenticated, service_role;
