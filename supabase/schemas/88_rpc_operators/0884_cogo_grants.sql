create or replace function public.cogo_grants()
  returns table (owner uuid, models jsonb, providers jsonb, priority integer)
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select nullif(o.owner, '00000000-0000-0000-0000-000000000000'),
         coalesce(g.granted -> 'models', '[]'), coalesce(g.granted -> 'providers', '[]'), o.priority
    from (
      select g.owner, max(g.name) filter (where g.kind = 'priority')::integer as priority
        from cogo.grants g group by g.owner
    ) o
    cross join lateral (select cogo.granted(o.owner) as granted) g
   order by o.owner;
$$;
comment on function public.cogo_grants() is
  'What operators granted to owners: models and providers (both empty: all), and how far their
priorities count among owners (null: not at all).';

revoke all on function public.cogo_grants() from public, anon, authenticated, service_role;
grant execute on function public.cogo_grants() to service_role;
