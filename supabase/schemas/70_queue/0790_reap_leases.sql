create or replace function cogo.reap_leases(
  p_limit integer, out reaped integer, out dead integer, out cancelled integer
)
  language plpgsql
  volatile
  set search_path = ''
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
    -- Read again: its holder may have extended it meanwhile, or a sibling failed the task above.
    select s.* into v_subtask
      from cogo.subtasks s
     where s.id = v_id and s.status = 'running' and s.lease_expires_at < v_now
       for no key update;
    continue when not found;
    if v_subtask.cancel_requested_at is not null then
      perform cogo.cancel_running(v_subtask.id, v_subtask.attempt, null);
      cancelled := cancelled + 1;
    elsif cogo.hand_back(
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
comment on function cogo.reap_leases(integer) is
  'Takes subtasks from holders whose leases ended, up to a number. Waits for no task.';

revoke all on function cogo.reap_leases(integer) from public, anon, authenticated, service_role;
grant execute on function cogo.reap_leases(integer) to service_role;
