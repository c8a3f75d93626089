create or replace function cogo.promote(p_limit integer)
  returns integer
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
  v_count integer;
begin
  -- Only tasks are locked here: a subtask locked in vain could make two reapers wait in a circle.
  with due as materialized (
    select s.id
      from cogo.subtasks s
      join public.cogo_tasks t on t.id = s.task_id
     where s.status = 'delayed' and s.run_at <= v_now
     order by s.run_at
     limit p_limit
       for no key update of t skip locked
  )
  update cogo.subtasks s
     set status = 'queued', run_at = null
    from due d
   where s.id = d.id and s.status = 'delayed';
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function cogo.promote(integer) is
  'Queues delayed subtasks whose time has come, up to a number. Waits for nobody.';

revoke all on function cogo.promote(integer) from public, anon, authenticated, service_role;
grant execute on function cogo.promote(integer) to service_role;
