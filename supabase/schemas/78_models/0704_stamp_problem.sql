create or replace function cogo.stamp_problem(p_task_id uuid, p_item jsonb)
  returns text
  language sql
  stable
  set search_path = ''
as $$
  with body as (
    select coalesce(nullif(p_item -> 'plan', 'null'), p_item) as plan,
           nullif(p_item -> 'route', 'null') as route
  ), stamped as (
    select e.step ->> 'lane' as lane, c.choice ->> 'provider' as provider
      from body b
      cross join jsonb_array_elements(
        case jsonb_typeof(b.plan -> 'subtasks') when 'array' then b.plan -> 'subtasks' else '[]' end
      ) as e (step)
      left join jsonb_array_elements(
        case jsonb_typeof(b.plan -> 'selections') when 'array' then b.plan -> 'selections' else '[]'
        end
      ) as c (choice) on c.choice ->> 'key' = e.step ->> 'key'
   union all
    select b.route ->> 'lane', b.route -> 'selection' ->> 'provider'
      from body b where b.route is not null
  )
  select cogo.grant_problem(t.owner, s.lane, s.provider)
    from public.cogo_tasks t
    cross join stamped s
   where t.id = p_task_id and s.lane <> 'cio'
     and cogo.grant_problem(t.owner, s.lane, s.provider) is not null
   limit 1;
$$;
comment on function cogo.stamp_problem(uuid, jsonb) is
  'Why a plan, a route or added subtasks may not be stamped with their models: what is granted.';

revoke all on function cogo.stamp_problem(uuid, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.stamp_problem(uuid, jsonb) to service_role;
