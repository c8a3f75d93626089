create or replace function cogo.plan_nodes(p_plan jsonb)
  returns table (ordinal bigint, key text, entry jsonb, dependencies text[], sink boolean)
  language plpgsql
  immutable
  set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  with nodes as (
    select e.ordinal, e.entry ->> 'key' as key, e.entry,
           array(
             select distinct d.key
               from jsonb_array_elements_text(
                 coalesce(nullif(e.entry -> 'dependencies', 'null'), '[]')
               ) as d (key)
           ) as dependencies,
           coalesce((e.entry ->> 'sink')::boolean, false) as chosen
      from jsonb_array_elements(p_plan -> 'subtasks') with ordinality as e (entry, ordinal)
  ), waited_for as (
    select distinct d.key from nodes n cross join unnest(n.dependencies) as d (key)
  )
  select n.ordinal, n.key, n.entry, n.dependencies,
         case
           when bool_or(n.chosen) over () then n.chosen
           else n.key not in (select w.key from waited_for w where w.key is not null)
         end
    from nodes n;
end;
$$;
comment on function cogo.plan_nodes(jsonb) is
  'The subtasks of a plan as rows. Without a chosen sink, what nothing waits for is one.';

revoke all on function cogo.plan_nodes(jsonb) from public, anon, authenticated, service_role;
grant execute on function cogo.plan_nodes(jsonb) to service_role;
