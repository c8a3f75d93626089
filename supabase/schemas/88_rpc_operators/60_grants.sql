create or replace function public.cogo_grants()
  returns table (owner uuid, models jsonb, providers jsonb, priority integer, tools jsonb)
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select nullif(o.owner, '00000000-0000-0000-0000-000000000000'),
         coalesce(g.granted -> 'models', '[]'), coalesce(g.granted -> 'providers', '[]'), o.priority,
         cogo.granted_tools(o.owner)
    from (
      select g.owner, max(g.name) filter (where g.kind = 'priority')::integer as priority
        from cogo.grants g group by g.owner
    ) o
    cross join lateral (select cogo.granted_models(o.owner) as granted) g
   order by o.owner;
$$;
comment on function public.cogo_grants is
  'Return the grants of owners: models and providers (both empty: all), the priority that counts among
owners (null: none), and tools (null: all).';

create or replace function public.cogo_set_grants(
  p_owner uuid, p_models text[] default '{}', p_providers text[] default '{}',
  p_aliases text[] default '{}', p_priority integer default null, p_tools text[] default null
)
  returns table (owner uuid, models jsonb, providers jsonb, priority integer, tools jsonb)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_owner uuid := coalesce(p_owner, '00000000-0000-0000-0000-000000000000');
  v_wanted cogo.grants[];
begin
  if '' = any (p_models || p_providers || p_aliases) then
    raise exception using errcode = 'TQ004', message = 'a model or provider needs a name';
  elsif p_priority not between -1 and 9 then
    raise exception using errcode = 'TQ004',
      message = 'p_priority must be 0 (before all others) to 9; -1 removes it, null keeps it';
  elsif exists (
    select from unnest(p_tools) as t (name)
     where t.name is null or t.name !~ '^[A-Za-z0-9_.:/-]{1,200}(/\*)?$'
        or t.name = 'none' and cardinality(p_tools) > 1
  ) then
    raise exception using errcode = 'TQ004',
      message = 'p_tools must be names of tools, SOURCE/* for all of a source, or none alone';
  end if;
  -- Two calls at the same time would mix their rows.
  perform pg_advisory_xact_lock(hashtextextended('cogo.grants ' || v_owner::text, 0));
  select coalesce(array_agg((w.owner, w.kind, w.name)::cogo.grants), '{}') into v_wanted
    from (
      select v_owner, 'model', unnest(p_models)
       union select v_owner, 'provider', unnest(p_providers)
       union select v_owner, 'alias', lower(unnest(p_models || p_aliases)) where p_models is not null
       union select v_owner, 'priority', p_priority::text where p_priority >= 0
       union select v_owner, 'tool', unnest(p_tools)
    ) as w (owner, kind, name);
  -- What stays is not written again, so that only what has changed is recorded.
  delete from cogo.grants g
   where g.owner = v_owner and g <> all (v_wanted)
     and case g.kind
       when 'priority' then p_priority is not null
       when 'tool' then p_tools is not null
       else p_models is not null or p_providers is not null
     end;
  insert into cogo.grants select w.* from unnest(v_wanted) w on conflict do nothing;

  -- Queued subtasks get new levels. Tasks by seq, then their subtasks, as the lock order says.
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
  if p_priority is not null then
    perform cogo.reset_heads();
  end if;
  return query
    select p_owner, coalesce(g.granted -> 'models', '[]'),
           coalesce(g.granted -> 'providers', '[]'),
           (
             select p.name::integer
               from cogo.grants p where p.owner = v_owner and p.kind = 'priority'
           ),
           cogo.granted_tools(p_owner)
      from (select cogo.granted_models(p_owner) as granted) g;
end;
$$;
comment on function public.cogo_set_grants is
  'Allow an owner (null: tasks without one) only these models, by canonical id, and all models of these
providers; both empty: everything, both null: as it is. p_aliases are other names of the models.
p_priority is the highest priority that counts among owners; -1: none, null: as it is. p_tools are the
tools that a task may use: names as in params.tools, SOURCE/* (all of a source), or none alone; empty:
all, null: as it is.';
