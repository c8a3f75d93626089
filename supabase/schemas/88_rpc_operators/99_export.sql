create or replace function cogo.export_rows(
  p_table text, p_condition text, p_after jsonb, p_limit integer
)
  returns table (place jsonb, data jsonb)
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_keys text[];
begin
  select array_agg(a.attname order by array_position(i.indkey::int2[], a.attnum)) into v_keys
    from pg_index i
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
   where i.indrelid = p_table::regclass and i.indisprimary;
  return query execute format(
    'select jsonb_build_object(%s), to_jsonb(t) - ''hash'' from %s t where %s '
    'and ($1 is null or (%s) > (select %s from jsonb_populate_record(null::%s, $1) r)) '
    'order by %s limit $2',
    (select string_agg(format('%L, t.%I', k, k), ', ') from unnest(v_keys) as k), p_table,
    p_condition, (select string_agg(format('t.%I', k), ', ') from unnest(v_keys) as k),
    (select string_agg(format('r.%I', k), ', ') from unnest(v_keys) as k), p_table,
    (select string_agg(format('t.%I', k), ', ') from unnest(v_keys) as k)
  ) using p_after, least(greatest(coalesce(p_limit, 500), 1), 5000);
end;
$$;
comment on function cogo.export_rows is
  'Return rows t of a table that meet a condition, after `place` of the last one, without hashes of keys.
Both texts become SQL: they are ours.';

create or replace function public.cogo_export_owner(
  p_owner uuid, p_table text, p_after jsonb default null, p_limit integer default 500
)
  returns table (place jsonb, data jsonb)
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_rule record;
begin
  select r.* into v_rule from cogo.list_erasure_rules() r where r.name = p_table and r.is_exported;
  if v_rule is null or p_owner is null then
    raise exception using errcode = 'TQ004',
      message = 'p_owner must name an owner, and p_table a table of cogo_export_tables()';
  end if;
  return query
    select * from cogo.export_rows(
      v_rule.name,
      replace(
        cogo.build_owner_condition(v_rule.via, v_rule.col), '$1', format('%L::uuid', p_owner)
      ), p_after, p_limit
    );
end;
$$;
comment on function public.cogo_export_owner is
  'For operators: return rows of a table that belong to an owner, after `place` of the last one.';

create or replace function public.cogo_export_project(
  p_project text, p_table text, p_after jsonb default null, p_limit integer default 500
)
  returns table (place jsonb, data jsonb)
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_project constant text := cogo.clean_label(p_project);
  v_rule record;
begin
  select r.* into v_rule from cogo.list_project_rules() r where r.name = p_table and r.is_exported;
  if v_rule is null or v_project is null then
    raise exception using errcode = 'TQ004', message =
      'p_project must name a project, and p_table a table of cogo_export_tables(true)';
  end if;
  return query
    select * from cogo.export_rows(
      v_rule.name,
      replace(
        cogo.build_project_condition(v_rule.via, v_rule.col), '$1',
        format('%L::text', v_project)
      ), p_after, p_limit
    );
end;
$$;
comment on function public.cogo_export_project is
  'For operators: return rows of a table that belong to a project, after `place` of the last one.';

create or replace function public.cogo_export_tables(p_of_project boolean default false)
  returns table (name text)
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select r.name from cogo.list_erasure_rules() r where r.is_exported and not p_of_project
   union all
  select r.name from cogo.list_project_rules() r where r.is_exported and p_of_project;
$$;
comment on function public.cogo_export_tables is
  'For operators: the tables whose rows cogo_export_owner() returns, or cogo_export_project().';
