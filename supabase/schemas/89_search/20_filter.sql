create or replace function cogo.build_owner_filter(p_owners text[])
  returns text language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_owner text;
  v_ids uuid[] := '{}';
begin
  foreach v_owner in array p_owners loop
    if v_owner <> 'none' and cogo.to_uuid(v_owner) is null then
      raise exception using errcode = 'TQ004',
        message = format('owner %s is neither a uuid nor none', left(v_owner, 100));
    elsif v_owner <> 'none' then
      v_ids := v_ids || cogo.to_uuid(v_owner);
    end if;
  end loop;
  -- In this form one owner is read in the order of an index.
  return case
    when cardinality(v_ids) = 0 then 't.owner is null'
    when cardinality(v_ids) = cardinality(p_owners) and cardinality(v_ids) = 1 then
      format('t.owner = %L', v_ids[1])
    when cardinality(v_ids) = cardinality(p_owners) then format('t.owner = any (%L::uuid[])', v_ids)
    else format('(t.owner = any (%L::uuid[]) or t.owner is null)', v_ids)
  end;
end;
$$;
comment on function cogo.build_owner_filter is
  'Return the condition on tasks t of owners; none: without one. Raises TQ004.';

create or replace function cogo.build_visibility_filter(p_visible jsonb)
  returns text language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_projects constant text[] := cogo.read_filter_texts(p_visible, 'projects');
  v_owner constant text := cogo.build_owner_filter(array[coalesce(p_visible ->> 'owner', 'none')]);
begin
  if jsonb_typeof(p_visible) not in ('object', 'null') then
    raise exception using errcode = 'TQ004', message = 'visible must be an object';
  elsif p_visible is null or p_visible = 'null' then
    return null;
  end if;
  return nullif(
    concat_ws(
      ' and ',
      case
        when cogo.read_filter_flag(p_visible, 'every_owner') then null
        when v_projects is null then v_owner
        else format('(%s or t.project = any (%L::text[]))', v_owner, v_projects)
      end,
      cogo.format_condition('t.project = %L', p_visible ->> 'only_project')
    ), ''
  );
end;
$$;
comment on function cogo.build_visibility_filter is
  'Return the condition on tasks t that somebody may see; null if that is all of them.';

create or replace function cogo.build_task_filter(
  p_filter jsonb, out condition text, out walked_by text
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
  v_owners constant text[] := cogo.read_filter_texts(p_filter, 'owner');
  v_projects constant text[] := cogo.read_filter_texts(p_filter, 'project');
  v_visible constant text := cogo.build_visibility_filter(
    case
      when cogo.is_operator() then p_filter -> 'visible'
      else jsonb_build_object('owner', cogo.resolve_owner(null))
    end
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
    when v_visible like 't.owner %' then v_visible
    when v_owners is not null then cogo.build_owner_filter(v_owners)
    when v_open then 't.finished_at is null'
    else 'true'
  end;
  condition := concat_ws(
    ' and ', 'true', v_visible,
    case when v_owners is not null then cogo.build_owner_filter(v_owners) end,
    case when v_open then 't.finished_at is null' end,
    cogo.format_condition('t.status = any (%L::text[])', v_status::text),
    cogo.format_condition(
      't.type = any (%L::text[])', cogo.read_filter_texts(p_filter, 'type')::text
    ),
    cogo.format_condition(
      '(t.model = any (%1$L::text[]) or exists (select from public.cogo_attempts a '
      'where a.task_id = t.id and a.model_id = any (%1$L::text[])))',
      cogo.read_filter_texts(p_filter, 'model')::text
    ),
    case
      when 'none' = any (v_projects) then
        format('(t.project = any (%L::text[]) or t.project is null)', v_projects)
      when v_projects is not null then format('t.project = any (%L::text[])', v_projects)
    end,
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
  'Return the condition by which a filter finds tasks t, without its words, and the part of it in whose
order an index has them. Users see their own. Raises TQ004.';
