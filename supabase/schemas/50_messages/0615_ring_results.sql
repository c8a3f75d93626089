-- Called by a trigger of the same owner, after the statement that wrote outputs and attempts.
create or replace function cogo.ring_results(p_subtask_ids uuid[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_task_ids uuid[];
  v_payloads jsonb[];
  v_sources text[];
begin
  select array_agg(r.task_id order by r.seq), array_agg(r.payload order by r.seq),
         array_agg(r.source order by r.seq)
    into v_task_ids, v_payloads, v_sources
    from (
      select s.seq, s.task_id, coalesce(a.agent_id, cogo.actor()) as source,
             jsonb_build_object(
               'subtask_id', s.id,
               'task_id', s.task_id,
               'status', s.status,
               'execution_time', coalesce(cogo.milliseconds(a.claimed_at, s.finished_at), 0),
               'metadata', jsonb_build_object(
                 'source', coalesce(a.agent_id, cogo.actor()),
                 'timestamp', cogo.iso(s.finished_at),
                 'model_id', a.model_id,
                 'model_performance', jsonb_build_object(
                   'model_id', a.model_id,
                   'response_time', a.duration_ms,
                   'tokens_used',
                   a.input_tokens + coalesce(a.cached_tokens, 0) + a.output_tokens,
                   'cost_usd', a.cost_usd
                 )
               ),
               case s.status when 'completed' then 'output' else 'error' end,
               case s.status
                 when 'completed' then o.output
                 else coalesce(
                   a.error,
                   (
                     select p.metadata -> 'approval' -> 'error'
                       from cogo.subtask_payloads p where p.subtask_id = s.id
                   )
                 )
               end
             ) as payload
        from cogo.subtasks s
        -- A person's refusal ends a subtask that nobody attempted: then there is no row.
        left join public.cogo_attempts a on a.subtask_id = s.id and a.attempt = s.attempt
        left join cogo.subtask_outputs o on o.subtask_id = s.id
       where s.id = any (p_subtask_ids)
    ) as r;
  perform cogo.publish('SUBTASK_RESULT', v_task_ids, v_payloads, v_sources);
end;
$$;
comment on function cogo.ring_results(uuid[]) is 'Sends SUBTASK_RESULT for subtasks that ended.';

revoke all on function cogo.ring_results(uuid[]) from public, anon, authenticated, service_role;
