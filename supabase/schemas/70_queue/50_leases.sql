create or replace function cogo.take_back_lease(
  p_subtask cogo.subtasks, p_outcome text, p_error jsonb, p_counts boolean
)
  returns boolean language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.close_attempts(
    array[p_subtask.id], array[p_subtask.attempt], p_outcome, p_error => p_error
  );
  perform cogo.keep_attempt_output(p_subtask.id, p_subtask.attempt);
  if p_counts then
    update cogo.subtasks s set reaps = s.reaps + 1 where s.id = p_subtask.id;
    if p_subtask.reaps + 1 >= p_subtask.max_reaps then
      perform cogo.dead_letter_subtask(p_subtask.id, p_error);
      return false;
    end if;
  end if;
  perform cogo.requeue_subtask(p_subtask.id);
  return true;
end;
$$;
comment on function cogo.take_back_lease is
  'Take a lease from its holder and queue the subtask; return false if it is now a dead letter: after as
many deaths since the last stored turn as it may have.';

create or replace function cogo.reap_leases(
  p_limit integer, out reaped integer, out dead integer, out cancelled integer
)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := cogo.now();
  v_ids uuid[];
  v_id uuid;
  v_subtask cogo.subtasks;
begin
  reaped := 0;
  dead := 0;
  cancelled := 0;
  select array_agg(expired.id order by expired.seq) into v_ids
    from (
      select s.id, s.seq
        from cogo.subtasks s
        join public.cogo_tasks t on t.id = s.task_id
       where s.status = 'running' and s.lease_expires_at < v_now
       order by s.seq
       limit p_limit
         for no key update of t skip locked
    ) as expired;

  foreach v_id in array coalesce(v_ids, '{}') loop
    -- Read it again: it may have been extended, or a sibling may have failed the task above.
    select s.* into v_subtask
      from cogo.subtasks s
     where s.id = v_id and s.status = 'running' and s.lease_expires_at < v_now
       for no key update;
    continue when not found;
    if v_subtask.cancel_requested_at is not null then
      perform cogo.cancel_running(v_subtask.id, v_subtask.attempt, null);
      cancelled := cancelled + 1;
    elsif cogo.take_back_lease(
      v_subtask, 'reaped',
      jsonb_build_object(
        'class', 'lease_expired',
        'message', format('agent %s did not extend its lease', v_subtask.agent_id)
      ),
      true
    ) then
      reaped := reaped + 1;
    else
      dead := dead + 1;
    end if;
  end loop;
end;
$$;
comment on function cogo.reap_leases is
  'Take back expired leases, at most p_limit. Skips locked tasks.';

create or replace function cogo.promote_due(p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_inherited constant bigint := cogo.find_inherited();
  v_ids uuid[];
  v_sleeps uuid[];
begin
  -- Only tasks are locked: locks on subtasks that are not used could deadlock two reapers.
  select array_agg(due.id) into v_ids
    from (
      select s.id
        from cogo.subtasks s
        join public.cogo_tasks t on t.id = s.task_id
       where s.status = 'delayed' and s.run_at <= cogo.now()
         and (v_inherited is null or not cogo.waits_for_adoption(t, v_inherited))
       order by s.run_at
       limit p_limit
         for no key update of t skip locked
    ) as due;
  if v_ids is null then
    return 0;
  end if;
  -- Read their statuses again, now that the tasks are locked.
  select array_agg(s.id), array_agg(s.id order by s.run_at, s.seq) filter (where s.kind = 'sleep')
    into v_ids, v_sleeps
    from cogo.subtasks s
   where s.id = any (v_ids) and s.status = 'delayed' and s.run_at <= cogo.now();
  update cogo.subtasks s
     set status = 'queued', run_at = null
   where s.id = any (v_ids) and s.kind <> 'sleep' and s.status = 'delayed';
  if v_sleeps is not null then
    perform cogo.end_waiting_steps(
      v_sleeps, array_fill('{}'::jsonb, array[cardinality(v_sleeps)]),
      array_fill(null::jsonb, array[cardinality(v_sleeps)])
    );
  end if;
  return coalesce(cardinality(v_ids), 0);
end;
$$;
comment on function cogo.promote_due is
  'Queue delayed subtasks that are due, and end due sleeps, at most p_limit; return how many. Skips
locked tasks, and in a copy those that wait for its adoption.';
