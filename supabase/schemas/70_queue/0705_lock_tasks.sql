create or replace function cogo.lock_tasks(p_subtask_ids uuid[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  -- By seq: two batches that share tasks would otherwise wait for each other. Zero is added lest all
  -- tasks are read in the order of that index, which is as cheap as any way while they are few: the
  -- plan is kept when they are many.
  perform
     from public.cogo_tasks t
    where t.id = any (
            array(select s.task_id from cogo.subtasks s where s.id = any (p_subtask_ids))
          )
    order by t.seq + 0
      for no key update;
end;
$$;
comment on function cogo.lock_tasks(uuid[]) is
  'Locks the tasks of subtasks, in the order that everybody follows.';

revoke all on function cogo.lock_tasks(uuid[]) from public, anon, authenticated, service_role;
grant execute on function cogo.lock_tasks(uuid[]) to service_role;
