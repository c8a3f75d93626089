create or replace function public.cogo_release_subtasks(
  p_agent_id text, p_leases jsonb default null, p_reason text default 'drain',
  p_died boolean default false
)
  returns table (subtask_id uuid, attempt integer, answer text)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_leases jsonb := nullif(p_leases, 'null');
  v_lease jsonb;
  v_subtask cogo.subtasks;
  v_attempt public.cogo_attempts;
begin
  perform cogo.set_actor(p_agent_id);
  if v_leases is null then
    select coalesce(
             jsonb_agg(
               jsonb_build_object('subtask_id', s.id, 'attempt', s.attempt) order by s.seq
             ), '[]'
           ) into v_leases
      from cogo.subtasks s
     where s.status = 'running' and s.agent_id = p_agent_id;
  elsif jsonb_typeof(v_leases) <> 'array' then
    raise exception using
      errcode = 'TQ004', message = 'p_leases must be a list of {subtask_id, attempt}, or null';
  end if;
  perform cogo.lock_tasks(
    array(select cogo.to_uuid(l.value ->> 'subtask_id') from jsonb_array_elements(v_leases) l)
  );

  for v_lease in select l.value from jsonb_array_elements(v_leases) l loop
    subtask_id := cogo.to_uuid(v_lease ->> 'subtask_id');
    attempt := cogo.to_integer(v_lease ->> 'attempt');
    select s.* into v_subtask from cogo.subtasks s where s.id = subtask_id;
    select a.* into v_attempt
      from public.cogo_attempts a
     where a.subtask_id = v_subtask.id and a.attempt = cogo.to_integer(v_lease ->> 'attempt');
    answer := cogo.check_fence(p_agent_id, v_attempt, v_subtask);
    if answer = 'closing' then
      perform cogo.cancel_running(subtask_id, attempt, null);
    elsif answer = 'held' and p_died then
      perform cogo.take_back_lease(
        v_subtask, 'reaped',
        jsonb_build_object('class', 'worker_died', 'message', format('agent %s died', p_agent_id)),
        true
      );
    elsif answer = 'held' then
      perform cogo.take_back_lease(
        v_subtask, 'released', jsonb_build_object('class', 'released', 'message', p_reason), false
      );
    end if;
    answer := case
      when answer in ('held', 'closing') then 'ok' when answer = 'unknown' then 'unknown'
      else 'stale'
    end;
    return next;
  end loop;
end;
$$;
comment on function public.cogo_release_subtasks is
  'Release leases at once (null: all of the agent); answer ok, stale or unknown for each. A drain counts
no failure; p_died, for the supervisor of a process that died, counts as a reap.';
