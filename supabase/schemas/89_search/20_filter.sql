create or replace function cogo.list_owner_conditions(p_owners text[])
  returns text[] language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong constant text := (
    select o from unnest(p_owners) o where o <> 'none' and cogo.to_uuid(o) is null limit 1
  );
begin
  if v_wrong is not null then
    raise exception using errcode = 'TQ004',
      message = format('owner %s is neither a uuid nor none', left(v_wrong, 100));
  end if;
  return array(
    select case o when 'none' then 't.owner is null' else format('t.owner = %L', cogo.to_uuid(o)) end
      from unnest(p_owners) o
  );
end;
$$;
comment on function cogo.list_owner_conditions is
  'Return a condition on tasks t for each owner; none: without one. Raises TQ004.';

create or replace function cogo.list_project_conditions(p_projects text[])
  returns text[] language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select array_agg(
           case p when 'none' then '(t.project is null or t.project = ''none'')'
           else format('t.project = %L', p) end
         )
    from unnest(p_projects) p;
$$;
comment on function cogo.list_project_conditions is
  'Return a condition on tasks t for each project; none: without one. Null if there are none.';

create or replace function cogo.list_visible_conditions(p_visible jsonb)
  returns text[] language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_projects constant text[] := cogo.read_filter_texts(p_visible, 'projects');
begin
  if jsonb_typeof(p_visible) not in ('object', 'null') then
    raise exception using errcode = 'TQ004', message = 'visible must be an object';
  elsif p_visible is null or p_visible = 'null'
        or cogo.read_filter_flag(p_visible, 'every_owner') then
    return null;
  end if;
  return cogo.list_owner_conditions(array[coalesce(p_visible ->> 'owner', 'none')])
    -- Also of a project that is called none.
    || array(select format('t.project = %L', p) from unnest(v_projects) p);
end;
$$;
comment on function cogo.list_visible_conditions is
  'Return conditions of which one must hold for tasks t that somebody may see; null if all may be seen.';

create or replace function cogo.join_conditions(p_conditions text[])
  returns text language sql immutable strict set search_path = pg_catalog, pg_temp
as $$
  select '(' || array_to_string(p_conditions, ' or ') || ')';
$$;
comment on function cogo.join_conditions is
  'Return the condition that one of some holds; null if there are none.';

create or replace function cogo.build_task_filter(
  p_filter jsonb, out condition text, out walked_by text[]
)
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_known constant text[] := array[
    'status', 'type', 'model', 'owner', 'project', 'tag', 'since', 'until', 'min_cost', 'max_cost',
    'q', 'dead', 'asking', 'children', 'visible'
  ];
  v_unknown text;
  v_status constant text[] := cogo.read_filter_texts(p_filter, 'status');
  v_visible constant jsonb := case
    when cogo.is_operator() then p_filter -> 'visible'
    else jsonb_build_object(
      'owner', cogo.resolve_owner(null), 'projects', cogo.visible_projects()
    )
  end;
  v_seen constant text[] := cogo.list_visible_conditions(v_visible);
  v_owners constant text[] := cogo.list_owner_conditions(
    cogo.read_filter_texts(p_filter, 'owner')
  );
  v_projects constant text[] := cogo.list_project_conditions(
    cogo.read_filter_texts(p_filter, 'project')
  );
  v_open constant boolean := v_status <@ array['pending', 'running', 'held'];
begin
  select k into v_unknown
    from jsonb_object_keys(p_filter) k where k <> all (v_known) limit 1;
  if found then
    raise exception using errcode = 'TQ004',
      message = format('tasks have no filter %s', left(v_unknown, 100)),
      hint = 'filters: ' || array_to_string(v_known, ', ');
  end if;
  walked_by := case
    when cardinality(v_seen) = 1 then v_seen
    when cardinality(v_owners) between 1 and 20 then v_owners
    when cardinality(v_projects) <= 20 and not p_filter -> 'project' @> '"none"' then v_projects
    when cardinality(v_seen) <= 20 then v_seen
    when v_open then array['t.finished_at is null']
    else array['true']
  end;
  condition := concat_ws(
    ' and ', 'true', cogo.join_conditions(v_seen),
    cogo.format_condition('t.project = %L', v_visible ->> 'only_project'),
    cogo.join_conditions(nullif(v_owners, '{}')), cogo.join_conditions(v_projects),
    case when v_open then 't.finished_at is null' end,
    cogo.format_condition('t.status = any (%L::text[])', v_status::text),
    cogo.format_condition(
      't.type = any (%L::text[])', cogo.read_filter_texts(p_filter, 'type')::text
    ),
    cogo.build_model_condition(cogo.read_filter_texts(p_filter, 'model')),
    cogo.format_condition('t.tags @> %L::text[]', cogo.read_filter_texts(p_filter, 'tag')::text),
    cogo.format_condition(
      't.created_at >= %L', cogo.read_filter_time(p_filter, 'since')::text
    ),
    cogo.format_condition('t.created_at < %L', cogo.read_filter_time(p_filter, 'until')::text),
    cogo.format_condition('t.cost_usd >= %L', cogo.read_filter_number(p_filter, 'min_cost')::text),
    cogo.format_condition('t.cost_usd <= %L', cogo.read_filter_number(p_filter, 'max_cost')::text),
    case when cogo.read_filter_flag(p_filter, 'dead') then
      'exists (select from cogo.subtasks s where s.task_id = t.id and s.dead_at is not null)'
    end,
    case when cogo.read_filter_flag(p_filter, 'asking') then
      't.finished_at is null and exists (select from public.cogo_approvals p '
      'where p.task_id = t.id and p.answered_at is null and p.withdrawn_at is null)'
    end,
    case when not cogo.read_filter_flag(p_filter, 'children') then
      't.parent_task_id is null and t.follow_up is null'
    end
  );
end;
$$;
comment on function cogo.build_task_filter is
  'Return the condition by which a filter finds tasks t, without its words, and parts of it in whose
order an index has them. Users see their own, and those of their projects. Raises TQ004.';
