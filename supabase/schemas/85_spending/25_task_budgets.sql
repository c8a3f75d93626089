-- What child tasks cost is their parent's cost too. The budget of an open child is reserved in its
-- parent's, except for calls below that child itself, which are what it was reserved for.
create or replace function cogo.task_budgets(p_task_id uuid)
  returns table (
    height integer, task_id uuid, budget_usd numeric, spent_usd numeric, reserved_usd numeric
  )
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  with recursive path as (
    select 0 as height, t.id, t.parent_task_id, t.budget_usd
      from public.cogo_tasks t where t.id = p_task_id
     union all
    select p.height + 1, t.id, t.parent_task_id, t.budget_usd
      from path p join public.cogo_tasks t on t.id = p.parent_task_id
  ), tree as (
    -- Below each budget on the path: every task, with the highest one above it that has a reservation.
    select p.id as top, p.id, null::uuid as reserving, null::numeric as reservation
      from path p where p.budget_usd is not null
     union all
    select e.top, c.id, coalesce(e.reserving, n.id), coalesce(e.reservation, n.budget_usd)
      from tree e
      join public.cogo_tasks c on c.parent_task_id = e.id
      left join lateral (
        select c.id, greatest(c.budget_usd, 0) as budget_usd
         where c.budget_usd is not null and c.finished_at is null
           and not exists (select from path p where p.id = c.id)
      ) as n on true
  ), used as (
    select e.top, e.reservation,
           sum(
             (select coalesce(sum(c.cost_usd), 0) from public.cogo_calls c where c.task_id = e.id)
           ) as spent,
           sum(cogo.reserved_usd('task', e.id::text)) as reserved
      from tree e
     group by e.top, e.reserving, e.reservation
  )
  select p.height, p.id, p.budget_usd, sum(u.spent),
         sum(u.reserved + greatest(coalesce(u.reservation - u.spent - u.reserved, 0), 0))
    from path p join used u on u.top = p.id
   group by p.height, p.id, p.budget_usd;
$$;
comment on function cogo.task_budgets is
  'Return the budgets that a task''s calls count towards, its own and those of the tasks above it: what
is spent, and reserved by running calls and open child tasks. height is 0 for its own.';

create or replace function cogo.lock_task_budgets(p_task_ids uuid[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  -- In one order, so that two transactions never wait for each other.
  perform pg_advisory_xact_lock(b.key)
     from (
       with recursive path as (
         select t.id, t.parent_task_id, t.budget_usd
           from public.cogo_tasks t where t.id = any (p_task_ids)
          union
         select t.id, t.parent_task_id, t.budget_usd
           from path p join public.cogo_tasks t on t.id = p.parent_task_id
       )
       select hashtextextended('cogo.budget ' || p.id::text, 0) as key
         from path p
        where p.budget_usd is not null
        order by key
       offset 0
     ) as b;
end;
$$;
comment on function cogo.lock_task_budgets is
  'Lock the budgets that calls of tasks count towards.';
