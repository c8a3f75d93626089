create or replace function public.cogo_set_grants(
  p_owner uuid, p_models text[] default '{}', p_providers text[] default '{}',
  p_aliases text[] default '{}', p_priority integer default null
)
  returns table (owner uuid, models jsonb, providers jsonb, priority integer)
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
  elsif p_priority not between -1 and 9 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_priority must be 0 (before all others) to 9; -1 takes it away, null leaves it';
  end if;
  -- Two at a time would leave a mixture.
  perform pg_advisory_xact_lock(hashtextextended('cogo.grants ' || v_owner::text, 0));
  delete from cogo.grants g
   where g.owner = v_owner
     and case g.kind
       when 'priority' then p_priority is not null
       else p_models is not null or p_providers is not null
     end;
  insert into cogo.grants (owner, kind, name)
  select v_owner, 'model', unnest(p_models)
   union select v_owner, 'provider', unnest(p_providers)
   union select v_owner, 'alias', lower(unnest(p_models || p_aliases)) where p_models is not null
   union select v_owner, 'priority', p_priority::text where p_priority >= 0;

  -- What waits in line counts anew. Tasks by seq, then their subtasks: see 0100_cogo.sql.
  perform
     from public.cogo_tasks t
    where t.owner is not distinct from p_owner and t.finished_at is null
    order by t.seq
      for no key update;
  update cogo.subtasks s
     set level = cogo.owner_level(v_owner, s.priority)
    from public.cogo_tasks t
   where t.owner is not distinct from p_owner and t.finished_at is null
     and s.task_id = t.id and s.status = 'queued'
     and s.level <> cogo.owner_level(v_owner, s.priority);
  return query
    select p_owner, coalesce(g.granted -> 'models', '[]'),
           coalesce(g.granted -> 'providers', '[]'),
           (
             select p.name::integer
               from cogo.grants p where p.owner = v_owner and p.kind = 'priority'
           )
      from (select cogo.granted(p_owner) as granted) g;
end;
$$;
comment on function public.cogo_set_grants(uuid, text[], text[], text[], integer) is
  'Lets an owner (null: tasks without one) use only these models, by canonical id, and all models of
these providers; both empty: everything again, both null: as it is. p_aliases are other names of the
models. Priorities of the owner count among owners down to p_priority; -1: they only order the
owner''s own work, as everybody''s do; null: as it is.';

revoke all on function public.cogo_set_grants(uuid, text[], text[], text[], integer)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_set_grants(uuid, text[], text[], text[], integer)
  to service_role;
