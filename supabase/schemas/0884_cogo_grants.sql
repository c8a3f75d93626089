create or replace function public.cogo_grants()
  returns table (owner uuid, models jsonb, providers jsonb)
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select nullif(o.owner, '00000000-0000-0000-0000-000000000000'), g.granted -> 'models',
         g.granted -> 'providers'
    from (select distinct g.owner from cogo.grants g) o
    cross join lateral (select cogo.granted(o.owner) as granted) g
   order by o.owner;
$$;
comment on function public.cogo_grants() is
  'The owners who may use only some models and providers, and which.';

revoke all on function public.cogo_grants() from public, anon, authenticated, service_role;
grant execute on function public.cogo_grants() to service_role;
