create or replace function cogo.lock_tasks(p_subtask_ids uuid[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  -- By seq: two batches that share tasks would otherwise wait for each other.
  perform
     from public.cogo_tasks t
    where t.id in (select s.task_id from cogo.subtasks s where s.id = any (p_subtask_ids))
    order by t.seq
      for no key update;
end;
$$;
comment on function cogo.lock_tasks(uuid[]) is
  'Locks the tasks of subtasks, in the order that everybody follows.';

revoke all on function cogo.lock_tasks(uuid[]) from public, anon, authenticated, service_role;
grant execute on function cogo.lock_tasks(uuid[]) to service_role;
