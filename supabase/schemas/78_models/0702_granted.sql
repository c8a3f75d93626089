create or replace function cogo.granted(p_owner uuid)
  returns jsonb
  language sql
  stable
  set search_path = ''
as $$
  select jsonb_build_object(
           'models', coalesce(jsonb_agg(g.name order by g.name) filter (where g.kind = 'model'), '[]'),
           'providers',
           coalesce(jsonb_agg(g.name order by g.name) filter (where g.kind = 'provider'), '[]')
         )
    from cogo.grants g
   where g.owner = coalesce(p_owner, '00000000-0000-0000-0000-000000000000')
     and g.kind <> 'priority'
  having count(*) > 0;
$$;
comment on function cogo.granted(uuid) is
  'The models and providers that operators granted to an owner; null: everything is allowed.';

revoke all on function cogo.granted(uuid) from public, anon, authenticated, service_role;
grant execute on function cogo.granted(uuid) to service_role;
