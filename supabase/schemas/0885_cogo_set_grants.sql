create or replace function public.cogo_set_grants(
  p_owner uuid, p_models text[] default '{}', p_providers text[] default '{}',
  p_aliases text[] default '{}'
)
  returns table (owner uuid, models jsonb, providers jsonb)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_owner uuid := coalesce(p_owner, '00000000-0000-0000-0000-000000000000');
begin
  if '' = any (p_models || p_providers || p_aliases) then
    raise exception using errcode = 'TQ004', message = 'a model or provider needs a name';
  end if;
  -- Two at a time would leave a mixture.
  perform pg_advisory_xact_lock(hashtextextended('cogo.grants ' || v_owner::text, 0));
  delete from cogo.grants g where g.owner = v_owner;
  insert into cogo.grants (owner, kind, name)
  select v_owner, 'model', unnest(p_models)
   union select v_owner, 'provider', unnest(p_providers)
   union select v_owner, 'alias', lower(unnest(p_models || p_aliases));
  return query
    select p_owner, coalesce(g.granted -> 'models', '[]'), coalesce(g.granted -> 'providers', '[]')
      from (select cogo.granted(p_owner) as granted) g;
end;
$$;
comment on function public.cogo_set_grants(uuid, text[], text[], text[]) is
  'Lets an owner (null: tasks without one) use only these models, by canonical id, and all models of
these providers; nothing of both: everything again. p_aliases are other names of the models.';

revoke all on function public.cogo_set_grants(uuid, text[], text[], text[])
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_set_grants(uuid, text[], text[], text[]) to service_role;
