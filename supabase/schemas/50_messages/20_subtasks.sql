-- Beyond a hundred messages in a transaction one per lane is enough: an agent that is woken finds
-- all that is queued. For lane cio it is always enough. Security definer: only the owner may write
-- in realtime.messages.
create or replace function cogo.notify_lanes(p_subtask_ids uuid[])
  returns void language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_notified text[] := coalesce(nullif(current_setting('cogo.notified_lanes', true), '')::text[], '{}');
  v_count integer := coalesce(nullif(current_setting('cogo.notified_count', true), '')::integer, 0);
  v_ids uuid[];
  v_lanes text[];
  v_more bigint[];
  v_envelopes jsonb[];
begin
  with queued as (
    select s.id, s.lane, s.turn, s.seq,
           row_number() over (partition by s.lane order by s.turn, s.place, s.seq) as nth,
           count(*) over (partition by s.lane) as lane_total
      from cogo.subtasks s
     where s.id = any (p_subtask_ids) and s.status = 'queued'
  ), numbered as (
    -- The first of each lane come first, so that each lane is announced.
    select q.*, row_number() over (order by q.lane = 'cio', q.nth, q.turn, q.seq) as number
      from queued q
  ), chosen as (
    select n.*, max(n.nth) over (partition by n.lane) as last
      from numbered n
     where n.number <= 100 - v_count and n.lane <> 'cio'
        or n.nth = 1 and n.lane <> all (v_notified)
  )
  select array_agg(t.id order by t.number), array_agg(t.lane order by t.number),
         array_agg(
           case t.nth when t.last then t.lane_total - t.nth else 0 end order by t.number
         )
    into v_ids, v_lanes, v_more
    from chosen t;
  if v_ids is null then
    return;
  end if;

  v_envelopes := array(
    select cogo.build_envelope(
             'MCP_SUBTASK', cogo.truncate_payload(m.payload), cogo.current_actor(), m.topic
           )
      from (
        select n.nth, case s.lane when 'cio' then 'cogo-tasks' else 'cogo-subtasks' end as topic,
               jsonb_build_object(
                 'subtask_id', s.id,
                 'task_id', s.task_id,
                 'type', s.type,
                 'params', jsonb_build_object(
                   'git_branch', null,
                   'target_file', null,
                   'model_id', s.lane,
                   'generation_prompt', t.prompt
                 ) || p.params,
                 'metadata', jsonb_build_object(
                   'estimated_duration', 30000,
                   'model_preferences', case
                     when p.params ? 'model_id' then jsonb_build_array(p.params ->> 'model_id')
                     when cogo.is_model_lane(s.lane) then jsonb_build_array(s.lane)
                     else '[]'
                   end
                 ) || p.metadata || jsonb_build_object(
                   'priority', case when s.priority <= 3 then 'high'
                                    when s.priority <= 6 then 'medium' else 'low' end,
                   'timestamp', cogo.iso_timestamp(cogo.now())
                 ) || case when n.more > 0 then jsonb_build_object('queued', n.more) else '{}' end
               ) as payload
          from unnest(v_ids, v_more) with ordinality as n (id, more, nth)
          join cogo.subtasks s on s.id = n.id
          join cogo.subtask_payloads p on p.subtask_id = s.id
          join public.cogo_tasks t on t.id = s.task_id
      ) as m
     order by m.nth
  );
  perform cogo.send_messages(array(select e ->> 'target' from unnest(v_envelopes) e), v_envelopes);
  perform set_config('cogo.notified_lanes', (v_notified || v_lanes)::text, true);
  perform set_config('cogo.notified_count', (v_count + cardinality(v_ids))::text, true);
end;
$$;
comment on function cogo.notify_lanes is
  'Announce queued subtasks: up to a hundred in a transaction, then one for each lane that had none; of
lane cio only one. metadata.queued of a lane''s last message counts the unannounced rest.';

create or replace function cogo.describe_subtask_results(p_subtask_ids uuid[])
  returns jsonb[] language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    select cogo.build_envelope(
             'SUBTASK_RESULT', cogo.truncate_payload(r.payload), r.source, 'cogo-results'
           )
      from (
        select s.seq, coalesce(a.agent_id, cogo.current_actor()) as source,
               jsonb_build_object(
                 'subtask_id', s.id,
                 'task_id', s.task_id,
                 'status', s.status,
                 'execution_time', coalesce(cogo.elapsed_ms(a.claimed_at, s.finished_at), 0),
                 'metadata', jsonb_build_object(
                   'source', coalesce(a.agent_id, cogo.current_actor()),
                   'timestamp', cogo.iso_timestamp(s.finished_at),
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
                   else coalesce(p.error, a.error, p.metadata -> 'approval' -> 'error')
                 end
               ) as payload
          from cogo.subtasks s
          -- A subtask whose approval was refused may have no attempt.
          left join public.cogo_attempts a on a.subtask_id = s.id and a.attempt = s.attempt
          left join cogo.subtask_outputs o on o.subtask_id = s.id
          left join cogo.subtask_payloads p on p.subtask_id = s.id and s.status = 'failed'
         where s.id = any (p_subtask_ids)
      ) as r
     order by r.seq
  );
end;
$$;
comment on function cogo.describe_subtask_results is 'Return SUBTASK_RESULT for ended subtasks.';

create or replace function cogo.describe_task_results(p_task_ids uuid[])
  returns jsonb[] language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    select cogo.build_envelope(
             'TASK_RESULT',
             cogo.truncate_payload(
               jsonb_build_object(
                 'task_id', t.id,
                 'status', t.status,
                 'cost_usd', t.cost_usd,
                 'tokens', jsonb_build_object(
                   'input', t.input_tokens,
                   'cached', t.cached_tokens,
                   'output', t.output_tokens,
                   'reasoning', t.reasoning_tokens
                 ),
                 'execution_time', cogo.elapsed_ms(
                   coalesce(t.started_at, t.created_at), t.finished_at
                 ),
                 'timestamp', cogo.iso_timestamp(t.finished_at)
               ) || case
                 when t.result is not null then jsonb_build_object('result', t.result)
                 when t.error is not null then jsonb_build_object('error', t.error)
                 else '{}'
               end
             ),
             cogo.current_actor(), 'cogo-results'
           )
      from public.cogo_tasks t
     where t.id = any (p_task_ids)
     order by t.seq + 0  -- as in cogo.lock_tasks()
  );
end;
$$;
comment on function cogo.describe_task_results is 'Return TASK_RESULT for ended tasks.';
