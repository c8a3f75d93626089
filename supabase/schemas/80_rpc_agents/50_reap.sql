create or replace function public.cogo_reap(p_limit integer default 100)
  returns table (reaped integer, dead integer, promoted integer, cancelled integer)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_now_unstopped timestamptz;
  v_task_id uuid;
begin
  reaped := 0;
  dead := 0;
  promoted := 0;
  cancelled := 0;
  -- Every agent calls this; one at a time does the work.
  if not pg_try_advisory_xact_lock(hashtextextended('cogo.reap', 0)) then
    return next;
    return;
  end if;

  promoted := cogo.promote_due(p_limit);
  select r.reaped, r.dead, r.cancelled into reaped, dead, cancelled from cogo.reap_leases(p_limit) r;
  perform cogo.find_late_subtasks();
  perform cogo.apply_wakes(p_limit);
  delete from cogo.wakes w
   where not exists (select from public.cogo_tasks t where t.id = w.parent_id);
  perform cogo.end_unserved_steps(p_limit);
  perform cogo.reroute_unserved_steps(p_limit);
  perform cogo.expire_approvals(p_limit);
  perform cogo.settle_budget_waits(p_limit);
  v_now_unstopped := cogo.subtract_seconds(cogo.now(), cogo.stopped_seconds());
  for v_task_id in
    select t.id
      from public.cogo_tasks t
     where cogo.subtract_seconds(t.deadline, t.stopped_seconds) < v_now_unstopped
       and t.deadline is not null and t.finished_at is null
       and not exists (
         select from cogo.flows f
          where f.task_id = t.id and f.deadline_passed_at > cogo.now() - interval '30 seconds'
       )
     order by cogo.subtract_seconds(t.deadline, t.stopped_seconds)
     limit p_limit
       for no key update skip locked
  loop
    -- The deadline of its parent may just have cancelled it.
    continue when exists (
      select from public.cogo_tasks t where t.id = v_task_id and t.finished_at is not null
    );
    -- A workflow with steps has 30 seconds to return what it has, unless a parent waits for it.
    if exists (
      select from cogo.flows f
        join cogo.subtasks s on s.task_id = f.task_id and s.key = 'plan'
        join public.cogo_tasks t on t.id = f.task_id
       where f.task_id = v_task_id and f.deadline_passed_at is null and s.finished_at is null
         and t.parent_task_id is null
    ) then
      perform cogo.pass_deadline(v_task_id);
    else
      perform cogo.fail_task(v_task_id, cogo.deadline_error());
    end if;
  end loop;
  delete from cogo.cached_answers c
   where c.key in (
     select e.key from cogo.cached_answers e
      where e.expires_at < cogo.now() order by e.expires_at limit p_limit
   );
  perform cogo.sample_queue();
  return next;
end;
$$;
comment on function public.cogo_reap is
  'Do the housekeeping: expired leases, due subtasks, ends of child tasks, deadlines, unserved lanes,
expired answers, questions to people, samples of the queue. Every agent calls this every few seconds.';
