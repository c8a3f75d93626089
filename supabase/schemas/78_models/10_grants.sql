create or replace function cogo.task_type(p_subtask_id uuid)
  returns text language sql stable
  return coalesce(
    (
      select m.requirements ->> 'taskType' from public.cogo_model_selections m
       where m.subtask_id = p_subtask_id order by m.created_at desc limit 1
    ), 'general'
  );
comment on function cogo.task_type is
  'Return the type of work that a subtask''s model was selected for.';

create or replace function cogo.granted_models(p_owner uuid)
  returns jsonb language sql stable set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
           'models', coalesce(jsonb_agg(g.name order by g.name) filter (where g.kind = 'model'), '[]'),
           'providers',
           coalesce(jsonb_agg(g.name order by g.name) filter (where g.kind = 'provider'), '[]')
         )
    from cogo.grants g
   where g.owner = coalesce(p_owner, '00000000-0000-0000-0000-000000000000')
     and g.kind in ('model', 'provider', 'alias')
  having count(*) > 0;
$$;
comment on function cogo.granted_models is
  'Return the models and providers granted to an owner; null: everything is allowed.';

create or replace function cogo.granted_tools(p_owner uuid)
  returns jsonb language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(g.name order by g.name) filter (where g.name <> 'none'), '[]')
    from cogo.grants g
   where g.owner = coalesce(p_owner, '00000000-0000-0000-0000-000000000000') and g.kind = 'tool'
  having count(*) > 0;
$$;
comment on function cogo.granted_tools is
  'Return the names of the tools granted to an owner, in which SOURCE/* stands for all of a source; null:
all tools.';

create or replace function cogo.describe_grants(p_granted jsonb)
  returns text language sql immutable
  return concat_ws(
    ' and ',
    (select string_agg(m.name, ', ') from jsonb_array_elements_text(p_granted -> 'models') m (name)),
    (
      select 'everything of ' || string_agg(p.name, ', ')
        from jsonb_array_elements_text(p_granted -> 'providers') p (name)
    )
  );
comment on function cogo.describe_grants is 'Return the result of cogo.granted_models() as text.';

create or replace function cogo.validate_grant(p_owner uuid, p_model text, p_provider text)
  returns text language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_granted jsonb := cogo.granted_models(p_owner);
begin
  if v_granted is null or v_granted -> 'models' ? p_model or v_granted -> 'providers' ? p_provider
  then
    return null;
  end if;
  return format(
    'model %s is not granted to this owner; granted are %s', p_model, cogo.describe_grants(v_granted)
  );
end;
$$;
comment on function cogo.validate_grant is
  'Return why an owner may not use a model of a provider; null if they may.';

create or replace function cogo.validate_stamps(p_task_id uuid, p_item jsonb)
  returns text language sql stable set search_path = pg_catalog, pg_temp
as $$
  with body as (
    select case
             when jsonb_typeof(p_item -> 'hand_over') = 'object' then jsonb_build_object(
               'subtasks', jsonb_build_array(p_item -> 'hand_over' -> 'step'),
               'selections', p_item -> 'hand_over' -> 'selections'
             )
             when jsonb_typeof(p_item -> 'suspend') = 'object' then jsonb_build_object(
               'subtasks', p_item -> 'suspend' -> 'steps',
               'selections', p_item -> 'suspend' -> 'selections'
             )
             else coalesce(nullif(p_item -> 'plan', 'null'), p_item)
           end as plan,
           nullif(p_item -> 'route', 'null') as route
  ), stamps as (
    select e.step ->> 'lane' as lane, c.choice ->> 'provider' as provider
      from body b
      cross join jsonb_array_elements(
        case jsonb_typeof(b.plan -> 'subtasks') when 'array' then b.plan -> 'subtasks' else '[]' end
      ) as e (step)
      left join jsonb_array_elements(
        case jsonb_typeof(b.plan -> 'selections') when 'array' then b.plan -> 'selections' else '[]'
        end
      ) as c (choice) on c.choice ->> 'key' = e.step ->> 'key'
     where jsonb_typeof(coalesce(e.step -> 'error', 'null')) = 'null'
   union all
    select b.route ->> 'lane', b.route -> 'selection' ->> 'provider'
      from body b where b.route is not null
  )
  select cogo.validate_grant(t.owner, s.lane, s.provider)
    from public.cogo_tasks t
    cross join stamps s
   where t.id = p_task_id and cogo.is_model_lane(s.lane)
     and cogo.validate_grant(t.owner, s.lane, s.provider) is not null
   limit 1;
$$;
comment on function cogo.validate_stamps is
  'Return why the models of a plan, a suspension, a hand-over, a route or added subtasks are not granted;
null if they are. A step that has failed needs no grant.';
