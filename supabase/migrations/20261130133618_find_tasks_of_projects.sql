-- Find tasks of projects.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

drop function cogo.build_task_filter(jsonb);

create or replace function cogo.build_task_filter(p_filter jsonb, OUT condition text, OUT walked_by text[])
 RETURNS record
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
    cogo.format_condition(
      '(t.model = any (%1$L::text[]) or exists (select from public.cogo_attempts a '
      'where a.task_id = t.id and a.model_id = any (%1$L::text[])))',
      cogo.read_filter_texts(p_filter, 'model')::text
    ),
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
$function$;

create or replace function cogo.join_conditions(p_conditions text[])
 RETURNS text
 LANGUAGE sql
 IMMUTABLE STRICT
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select '(' || array_to_string(p_conditions, ' or ') || ')';
$function$;

create or replace function cogo.list_owner_conditions(p_owners text[])
 RETURNS text[]
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

create or replace function cogo.list_project_conditions(p_projects text[])
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select array_agg(
           case p when 'none' then '(t.project is null or t.project = ''none'')'
           else format('t.project = %L', p) end
         )
    from unnest(p_projects) p;
$function$;

create or replace function cogo.list_visible_conditions(p_visible jsonb)
 RETURNS text[]
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

create or replace function cogo.scan_tasks(p_filter jsonb, p_limit integer, p_before bigint, p_seconds double precision, OUT seqs bigint[], OUT next bigint)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
declare
  v_began constant timestamptz := clock_timestamp();
  v_filter record;
  v_search text;
  v_walk text;
  v_first bigint := 0;
  v_part bigint := 1000;
  v_part_began timestamptz;
  v_top bigint;
  v_found bigint[];
begin
  if jsonb_typeof(p_filter) is distinct from 'object' then
    raise exception using errcode = 'TQ004', message = 'p_filter must be an object';
  end if;
  v_filter := cogo.build_task_filter(p_filter);
  v_search := format(
    'select array(%s)', cogo.build_search(p_filter ->> 'q', v_filter.condition)
  );
  v_walk := (
    select 'select max(seq) from ('
           || string_agg(
             format(
               '(select t.seq from public.cogo_tasks t where t.seq < $1 and %s '
               'order by t.seq desc limit 1)', w
             ), ' union all '
           ) || ') s'
      from unnest(v_filter.walked_by) w
  );
  seqs := '{}';
  next := coalesce(p_before, 9223372036854775807);
  if p_filter ->> 'until' is not null then
    next := least(
      next,
      cogo.find_task_seq(cogo.read_filter_time(p_filter, 'until') + interval '1 minute')
    );
  end if;
  if p_filter ->> 'since' is not null then
    v_first := cogo.find_task_seq(cogo.read_filter_time(p_filter, 'since') - interval '1 minute');
  end if;
  loop
    v_part_began := clock_timestamp();
    execute v_walk into v_top using next;
    if v_top is null or v_top < v_first then
      next := null;
      return;
    end if;
    next := greatest(v_top - v_part, v_first - 1);
    execute v_search into v_found using next, v_top, p_limit - cardinality(seqs);
    seqs := seqs || v_found;
    next := next + 1;
    if cardinality(seqs) >= p_limit then
      next := seqs[cardinality(seqs)];
      return;
    elsif clock_timestamp() > v_began + make_interval(secs => p_seconds) then
      return;
    elsif clock_timestamp() < v_part_began + make_interval(secs => p_seconds / 8) then
      v_part := least(v_part * 4, 1000000000);
    elsif clock_timestamp() > v_part_began + make_interval(secs => p_seconds / 2) then
      v_part := greatest(v_part / 4, 100);
    end if;
  end loop;
end;
$function$;

drop function cogo.build_owner_filter(text[]);

drop function cogo.build_visibility_filter(jsonb);

comment on function cogo.build_task_filter(jsonb) is
  'Return the condition by which a filter finds tasks t, without its words, and parts of it in whose
order an index has them. Users see their own, and those of their projects. Raises TQ004.';

comment on function cogo.join_conditions(text[]) is
  'Return the condition that one of some holds; null if there are none.';

comment on function cogo.list_owner_conditions(text[]) is
  'Return a condition on tasks t for each owner; none: without one. Raises TQ004.';

comment on function cogo.list_project_conditions(text[]) is
  'Return a condition on tasks t for each project; none: without one. Null if there are none.';

comment on function cogo.list_visible_conditions(jsonb) is
  'Return conditions of which one must hold for tasks t that somebody may see; null if all may be seen.';

revoke all on function cogo.build_task_filter(jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.build_task_filter(jsonb) to service_role;

revoke all on function cogo.join_conditions(text[]) from public, anon, authenticated, service_role;

grant execute on function cogo.join_conditions(text[]) to service_role;

revoke all on function cogo.list_owner_conditions(text[]) from public, anon, authenticated, service_role;

grant execute on function cogo.list_owner_conditions(text[]) to service_role;

revoke all on function cogo.list_project_conditions(text[]) from public, anon, authenticated, service_role;

grant execute on function cogo.list_project_conditions(text[]) to service_role;

revoke all on function cogo.list_visible_conditions(jsonb) from public, anon, authenticated, service_role;

grant execute on function cogo.list_visible_conditions(jsonb) to service_role;

insert into cogo.schema_versions (version) values ('20261130133618')
on conflict (version) do nothing;
