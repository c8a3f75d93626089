-- By counter under the task lock. Asking whether an unfinished parent exists would lose the
-- wake-up when two parents finish at once: neither sees the other.
create or replace function cogo.release_dependants(p_subtask_id uuid)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  perform set_config('cogo.hushed', 'on', true);
  update cogo.subtasks s
     set deps_left = s.deps_left - 1,
         status = case s.status
           when 'blocked'
           then cogo.standing(t.status, s.deps_left - 1, s.needs_approval, s.run_at, cogo.now())
           else s.status
         end
    from public.cogo_tasks t
   where t.id = s.task_id
     and s.id in (select d.child_id from cogo.dependencies d where d.parent_id = p_subtask_id);
  perform set_config('cogo.hushed', '', true);
  perform cogo.ring_lanes(
    array(
      select s.id
        from cogo.dependencies d
        join cogo.subtasks s on s.id = d.child_id
       where d.parent_id = p_subtask_id and s.status = 'queued'
    )
  );
end;
$$;
comment on function cogo.release_dependants(uuid) is
  'Counts a subtask that is done with off those that wait for it, and opens those that wait for no
more.';

revoke all on function cogo.release_dependants(uuid)
  from public, anon, authenticated, service_role;
grant execute on function cogo.release_dependants(uuid) to service_role;
