-- Whole tasks: everything of a task goes with its row, or nothing does. A few at a time, so that
-- each transaction is short: a hundred tasks, or fewer when their histories are long. A task that
-- somebody holds is left for the next time.
create or replace function public.cogo_prune(
  p_limit integer default 100, p_older_than interval default '30 days'
)
  returns table (pruned integer)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
begin
  if p_limit is null or p_limit < 0 or p_older_than is null or p_older_than < interval '0' then
    raise exception using
      errcode = 'TQ004', message = 'p_limit and p_older_than must be 0 or more';
  end if;
  with old as materialized (
    select t.id, t.finished_at
      from public.cogo_tasks t
     where t.finished_at < cogo.now() - p_older_than
       -- Its worker has been asked to stop and is still to be told what became of its lease.
       and not exists (
         select from cogo.subtasks s where s.task_id = t.id and s.status = 'running'
       )
     order by t.finished_at
     limit p_limit
       for update skip locked
  ), measured as (
    select o.id, sum(h.events) over (order by o.finished_at, o.id) - h.events as before
      from old o
     cross join lateral (
       select coalesce(max(e.seq), 0) as events from cogo.events e where e.task_id = o.id
     ) as h
  )
  delete from public.cogo_tasks t
   using measured m
   where t.id = m.id and m.before < 5000;
  get diagnostics pruned = row_count;
  return next;
end;
$$;
comment on function public.cogo_prune(integer, interval) is
  'Forgets finished tasks and all that belongs to them, the oldest first, at most p_limit and after
5000 events no further one. Says how many: call it until it is 0.';

revoke all on function public.cogo_prune(integer, interval)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_prune(integer, interval) to service_role;
