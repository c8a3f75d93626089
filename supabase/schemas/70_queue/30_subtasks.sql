create or replace function cogo.requeue_subtask(
  p_subtask_id uuid,
  p_run_at timestamptz default null,
  p_lane text default null
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  update cogo.subtasks s
     set status = cogo.resting_status(
           t.status, s.deps_left, s.needs_approval, p_run_at, cogo.now(), s.kind
         ),
         lane = coalesce(p_lane, s.lane),
         run_at = case when p_run_at > cogo.now() then p_run_at end,
         lease_expires_at = null,
         agent_id = null,
         claim_request = null,
         cancel_requested_at = null
    from public.cogo_tasks t
   where s.id = p_subtask_id and s.status = 'running' and t.id = s.task_id;
end;
$$;
comment on function cogo.requeue_subtask is
  'Queue a running subtask again. Its attempt has been closed.';

-- A counter under the task lock: a query for unfinished parents would miss the release when two parents
-- finish at the same time, because neither transaction sees the other.
create or replace function cogo.release_dependents(p_subtask_ids uuid[])
  returns uuid[] language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_released uuid[];
begin
  -- Recorded by the caller.
  perform set_config('cogo.is_recorded', 'on', true);
  with counted as (
    update cogo.subtasks s
       set deps_left = s.deps_left - w.ended,
           status = case s.status
             when 'blocked' then cogo.resting_status(
               t.status, s.deps_left - w.ended, s.needs_approval, s.run_at, cogo.now(), s.kind
             )
             else s.status
           end
      from public.cogo_tasks t,
           (
             select d.child_id, count(*)::integer as ended
               from cogo.dependencies d
              where d.parent_id = any (p_subtask_ids)
              group by d.child_id
           ) as w
     where s.id = w.child_id and t.id = s.task_id
    returning s.id, s.status, s.seq
  )
  select array_agg(c.id order by c.seq) into v_released
    from counted c where c.status in ('queued', 'delayed', 'waiting');
  perform set_config('cogo.is_recorded', '', true);
  return coalesce(v_released, '{}');
end;
$$;
comment on function cogo.release_dependents is
  'Count ended subtasks off their dependents, and queue those that wait for none any more. Returns these,
which the caller records: they were blocked.';

create or replace function cogo.dead_letter_subtask(p_subtask_id uuid, p_error jsonb)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_subtask cogo.subtasks;
  v_released uuid[];
begin
  update cogo.subtasks s
     set status = 'failed',
         dead_at = cogo.now(),
         finished_at = cogo.now(),
         lease_expires_at = null,
         agent_id = null,
         claim_request = null
   where s.id = p_subtask_id
  returning s.* into v_subtask;

  if v_subtask.on_failure = 'continue' then
    v_released := cogo.release_dependents(array[v_subtask.id]);
    perform cogo.record_changes(
      v_released, array_fill('blocked'::text, array[cardinality(v_released)]), null
    );
    perform cogo.record_ends(array[v_subtask.id]);
  else
    perform cogo.fail_task(
      v_subtask.task_id,
      p_error || jsonb_build_object('subtask_id', v_subtask.id, 'subtask_key', v_subtask.key)
    );
  end if;
end;
$$;
comment on function cogo.dead_letter_subtask is
  'Make a subtask a dead letter and apply its on_failure. Its attempt has been closed.';

create or replace function cogo.keep_attempt_output(
  p_subtask_id uuid, p_attempt integer, p_output jsonb default null
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_output jsonb := case when jsonb_typeof(p_output) = 'object' then p_output end;
begin
  if v_output is null then
    select jsonb_build_object('content', c.content, 'reasoning', c.reasoning, 'turn', c.turn)
      into v_output
      from cogo.checkpoints c where c.subtask_id = p_subtask_id and c.attempt = p_attempt;
  end if;
  if coalesce(v_output ->> 'content', '') = '' and coalesce(v_output ->> 'reasoning', '') = '' then
    return;
  end if;
  update public.cogo_attempts a
     set output = jsonb_strip_nulls(jsonb_build_object(
           'text', coalesce(left(v_output ->> 'content', 65536), ''),
           'reasoning', nullif(left(v_output ->> 'reasoning', 65536), ''),
           'turn', cogo.to_integer(v_output ->> 'turn'),
           'characters', case when length(v_output ->> 'content') > 65536
                              then length(v_output ->> 'content') end
         ))
   where a.subtask_id = p_subtask_id and a.attempt = p_attempt;
end;
$$;
comment on function cogo.keep_attempt_output is
  'Store what an attempt has written that ends without its output being accepted: p_output, with content,
reasoning and turn, or else its checkpoint.';

create or replace function cogo.fail_attempt(
  p_subtask cogo.subtasks, p_error jsonb, p_action text, p_after_seconds numeric, p_usage jsonb,
  p_output jsonb default null
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_failures integer := p_subtask.failures + 1;
  v_wait interval := cogo.retry_interval(p_after_seconds);  -- null: backoff
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt],
    case p_action when 'snooze' then 'released' when 'reroute' then 'rerouted' else 'failed' end,
    array[p_usage], p_error
  );
  perform cogo.keep_attempt_output(p_subtask.id, p_subtask.attempt, p_output);
  if p_action = 'snooze' then
    perform cogo.requeue_subtask(
      p_subtask.id, cogo.now() + coalesce(v_wait, interval '1 second')
    );
    return;
  end if;

  update cogo.subtasks s set failures = v_failures where s.id = p_subtask.id;
  if p_action = 'give_up' or v_failures >= p_subtask.max_failures then
    perform cogo.dead_letter_subtask(p_subtask.id, p_error);
  elsif p_action = 'reroute' and (cogo.is_model_lane(p_subtask.lane) or p_subtask.lane = 'cio') then
    perform cogo.requeue_subtask(p_subtask.id, p_lane => 'cio');
  else
    -- Full jitter, so that subtasks which failed together are not retried together.
    perform cogo.requeue_subtask(
      p_subtask.id,
      cogo.now() + coalesce(
        v_wait, make_interval(secs => random() * least(300, 2 ^ v_failures))
      )
    );
  end if;
end;
$$;
comment on function cogo.fail_attempt is
  'End a held attempt as failed, keep what it had written, and apply p_action to the subtask.';
