-- Deletes tasks with all that belongs to them, a few at a time so that transactions are short: a
-- hundred tasks, or fewer if their histories are long. Locked tasks are left for the next call.
create or replace function public.cogo_prune(
  p_limit integer default 100, p_older_than interval default '30 days'
)
  returns table (pruned integer)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if p_limit is null or p_limit < 0 or p_older_than is null or p_older_than < interval '0' then
    raise exception using errcode = 'TQ004', message = 'p_limit and p_older_than must be 0 or more';
  end if;
  with old as materialized (
    select t.id, t.finished_at
      from public.cogo_tasks t
     where t.finished_at < cogo.now() - p_older_than
       -- Child tasks are deleted with their parent.
       and t.parent_task_id is null
       -- Its agent has been asked to stop and must still learn what became of its lease.
       and not exists (
         select from cogo.subtasks s where s.task_id = t.id and s.status = 'running'
       )
       and not exists (
         select from cogo.child_tasks k join cogo.subtasks s on s.task_id = k.child_id
          where k.root_id = t.id and s.finished_at is null
       )
     order by t.finished_at
     limit p_limit
       for update skip locked
  ), measured as (
    select o.id, sum(h.events) over (order by o.finished_at, o.id) - h.events as before
      from old o
     cross join lateral (
       select coalesce(max(e.seq), 0) + (
                select count(*) from cogo.child_tasks k join cogo.events c on c.task_id = k.child_id
                 where k.root_id = o.id
              ) as events
         from cogo.events e where e.task_id = o.id
     ) as h
  )
  delete from public.cogo_tasks t
   using measured m
   where t.id = m.id and m.before < 5000;
  get diagnostics pruned = row_count;
  return next;
end;
$$;
comment on function public.cogo_prune is
  'Delete finished tasks and all that belongs to them, oldest first, at most p_limit and none after 5000
events; return how many. Call it until it is 0.';

-- Security definer: nobody else may delete rows of the audit logs, and this function keeps those of
-- the last 30 days. Calls of open tasks are kept because they count towards their budgets.
create or replace function public.cogo_prune_records(
  p_limit integer default 1000,
  p_switches_older_than interval default null,
  p_calls_older_than interval default null
)
  returns table (pruned integer)
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_calls integer;
  v_actions integer;
begin
  if p_limit is null or p_limit < 0 or p_switches_older_than < interval '0'
     or p_calls_older_than < interval '30 days' then
    raise exception using
      errcode = 'TQ004',
      message = 'p_limit and p_switches_older_than must be 0 or more, '
                'and the audit keeps what is younger than 30 days';
  end if;
  -- Materialized: a plan that reads the rows again for each deleted one would skip those and take
  -- more than p_limit.
  with old as materialized (
    select o.seq from public.cogo_model_switches o
     where o.at < cogo.now() - p_switches_older_than
     order by o.at limit p_limit
       for update skip locked
  )
  delete from public.cogo_model_switches w using old where w.seq = old.seq;
  get diagnostics pruned = row_count;
  with old as materialized (
    select o.id, o.outcome
      from public.cogo_calls o
     where o.started_at < cogo.now() - p_calls_older_than
       and not exists (
         select from public.cogo_tasks t where t.id = o.task_id and t.finished_at is null
       )
       and not exists (
         select from cogo.child_tasks k join public.cogo_tasks r on r.id = k.root_id
          where k.child_id = o.task_id and r.finished_at is null
       )
     order by o.started_at limit p_limit
       for update skip locked
  )
  delete from public.cogo_calls c using old where c.id = old.id and c.outcome = old.outcome;
  get diagnostics v_calls = row_count;
  with old as materialized (
    select o.id from public.cogo_actions o
     where o.at < cogo.now() - p_calls_older_than
     order by o.at limit p_limit
       for update skip locked
  )
  delete from public.cogo_actions a using old where a.id = old.id;
  get diagnostics v_actions = row_count;
  pruned := pruned + v_calls + v_actions;
  return next;
end;
$$;
comment on function public.cogo_prune_records is
  'Delete model switches, and calls and actions of the audit logs, oldest first, at most p_limit of each;
null keeps all. Return how many; call it until it is 0.';
