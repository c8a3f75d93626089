create or replace function cogo.count_missing(p_column cogo.ai_columns)
  returns bigint language plpgsql set search_path = pg_catalog, pg_temp
  set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'iso_8601' set extra_float_digits = 1
  set bytea_output = 'hex'
as $$
declare
  v_row constant jsonb := cogo.describe_row(p_column, p_column.version);
  v_count bigint;
begin
  execute format(
    'select count(*) from %s t where t.%s is null and not exists '
    '(select from cogo.ai_cells c where c.column_id = $1 and c.key = %s)',
    v_row ->> 'table', v_row ->> 'target', v_row ->> 'key'
  ) into v_count using p_column.id;
  return v_count;
end;
$$;
comment on function cogo.count_missing is 'Return how many rows have no value and no cell.';

create or replace function cogo.count_backfill(
  p_column cogo.ai_columns, p_states text[], p_limit bigint
)
  returns bigint language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_count bigint;
begin
  if p_states is null or p_states = '{}' or not p_states <@ array['missing', 'stale', 'failed', 'kept']
     or p_limit < 0 then
    perform cogo.refuse_column(
      'p_states must be some of missing, stale, failed and kept, and p_limit 0 or more'
    );
  end if;
  v_count := (
    select coalesce(sum(n.cells), 0)
      from cogo.ai_counts n
     where n.column_id = p_column.id
       and (
         n.state = any (p_states) and n.state in ('failed', 'kept')
         or n.state = 'done' and 'stale' = any (p_states) and n.version <> p_column.version
       )
  );
  if 'missing' = any (p_states) then
    v_count := v_count + cogo.count_missing(p_column);
  end if;
  return least(v_count, p_limit);
end;
$$;
comment on function cogo.count_backfill is 'Return how many cells a backfill would ask for.';

create or replace function cogo.begin_backfill(
  p_column cogo.ai_columns, p_states text[], p_limit bigint
)
  returns bigint language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_total constant bigint := cogo.count_backfill(p_column, p_states, p_limit);
begin
  update cogo.ai_columns c
     set backfill_states = p_states, backfill_at = cogo.now(), backfill_after = '[]',
         backfill_left = v_total, backfill_total = v_total
   where c.id = p_column.id;
  return v_total;
end;
$$;
comment on function cogo.begin_backfill is
  'Begin to ask for old rows or cells, in place of a backfill that is going on; return for how many.';

create or replace function cogo.list_missing(
  p_column cogo.ai_columns, p_after jsonb, p_limit integer
)
  returns table (key jsonb, is_missing boolean) language plpgsql set search_path = pg_catalog, pg_temp
  set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'iso_8601' set extra_float_digits = 1
  set bytea_output = 'hex'
as $$
declare
  v_row constant jsonb := cogo.describe_row(p_column, p_column.version);
begin
  return query execute format(
    'select %1$s, t.%2$s is null and not exists '
    '(select from cogo.ai_cells c where c.column_id = $1 and c.key = %1$s) '
    'from %3$s t where %4$s order by %5$s limit $3',
    v_row ->> 'key', v_row ->> 'target', v_row ->> 'table',
    case when p_after = '[]' then '$2 is not null' else v_row ->> 'after' end, v_row ->> 'order'
  ) using p_column.id, p_after, p_limit;
end;
$$;
comment on function cogo.list_missing is
  'Return the next rows by their keys, and whether they have neither value nor cell.';

create or replace function cogo.leave_edited(p_column cogo.ai_columns, p_keys jsonb[])
  returns jsonb[] language sql set search_path = pg_catalog, pg_temp
as $$
  select array(
    select k.key
      from unnest(p_keys) with ordinality as k (key, nth)
     where k.key not in (
       select unnest(
         cogo.cast_keys(
           p_column,
           array(
             select e.key from cogo.ai_edits e where e.column_id = p_column.id and e.key is not null
           )
         )
       )
     )
     order by k.nth
  );
$$;
comment on function cogo.leave_edited is
  'Return the keys that no edit names which is not collected yet.';

create or replace function cogo.advance_backfill(p_column cogo.ai_columns, p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_keys jsonb[];
  v_missing jsonb[];
  v_count integer := 0;
  v_seen integer := 0;
begin
  if p_column.backfill_left is null then
    return 0;
  elsif p_column.backfill_left > 0 and p_column.backfill_states && '{stale,failed,kept}' then
    with chosen as (
      select c.key
        from cogo.ai_cells c
       where c.column_id = p_column.id and c.state in ('done', 'failed', 'kept')
         -- What fails again is not asked for twice.
         and coalesce(c.done_at, c.made_at) < p_column.backfill_at
         and (
           c.state = any (p_column.backfill_states)
           or c.state = 'done' and 'stale' = any (p_column.backfill_states)
             and c.version <> p_column.version
         )
       limit least(p_limit, p_column.backfill_left)
         for update skip locked
    )
    update cogo.ai_cells c
       set value_hash = case c.state when 'kept' then null else c.value_hash end,
           state = 'pending', priority = 1, due_at = cogo.now(), tries = 0, outages = 0,
           reason = null, is_alone = false
      from chosen o
     where c.column_id = p_column.id and c.key = o.key;
    get diagnostics v_count = row_count;
    v_seen := v_count;
  end if;
  if v_count = 0 and p_column.backfill_left > 0 and 'missing' = any (p_column.backfill_states) then
    select array_agg(m.key), array_agg(m.key) filter (where m.is_missing)
      into v_keys, v_missing
      from cogo.list_missing(p_column, p_column.backfill_after, p_limit) m;
    v_seen := coalesce(cardinality(v_keys), 0);
    -- Those that are written meanwhile get their cells from their edits, which come with other keys too.
    v_missing := cogo.leave_edited(p_column, v_missing);
    v_missing := v_missing[1:p_column.backfill_left::integer];
    insert into cogo.ai_cells (column_id, key, state, priority, source_hash, value_hash, owner)
    select p_column.id, r.key, 'pending', 1, r.source_hash, r.value_hash, r.owner
      from cogo.read_rows(cogo.describe_row(p_column, p_column.version), v_missing) r
     where r.is_there and not r.has_value
    on conflict do nothing;
    get diagnostics v_count = row_count;
  end if;
  update cogo.ai_columns c
     set backfill_left = case when v_seen > 0 then c.backfill_left - v_count end,
         backfill_after = coalesce(v_keys[cardinality(v_keys)], c.backfill_after)
   where c.id = p_column.id;
  return v_seen;
end;
$$;
comment on function cogo.advance_backfill is
  'Make cells for the next old rows, or ask for the next cells again; return how many were looked at.';
