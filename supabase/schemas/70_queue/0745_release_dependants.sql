-- By counter under the task lock. Asking whether an unfinished parent exists would lose the
-- wake-up when two parents finish at once: neither sees the other.
create or replace function cogo.release_dependants(p_subtask_ids uuid[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  update cogo.subtasks s
     set deps_left = s.deps_left - w.done,
         status = case s.status
           when 'blocked' then cogo.standing(
             t.status, s.deps_left - w.done, s.needs_approval, s.run_at, cogo.now()
           )
           else s.status
         end
    from public.cogo_tasks t,
         (
           select d.child_id, count(*)::integer as done
             from cogo.dependencies d
            where d.parent_id = any (p_subtask_ids)
            group by d.child_id
         ) as w
   where s.id = w.child_id and t.id = s.task_id;
end;
$$;
comment on function cogo.release_dependants(uuid[]) is
  'Counts subtasks that are done with off those that wait for them, and opens those that wait for
no more.';

revoke all on function cogo.release_dependants(uuid[])
  from public, anon, authenticated, service_role;
grant execute on function cogo.release_dependants(uuid[]) to service_role;
