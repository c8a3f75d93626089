create or replace function cogo.run_column(p_id uuid, p_limit integer, p_until timestamptz)
  returns integer[] language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_column cogo.ai_columns;
  v_layout text;
  v_collected integer := 0;
  v_swept integer := 0;
  v_applied integer := 0;
  v_asked integer := 0;
  v_filled integer := 0;
  v_is_behind boolean;
  v_is_moving boolean;
begin
  v_column := cogo.sync_column(p_id);
  if cogo.find_column_problem(v_column) is not null then
    return array[0, 0, 0, 0];
  end if;
  v_layout := cogo.describe_layout(v_column.table_id);
  if v_layout is distinct from v_column.layout then
    update cogo.ai_columns c
       set layout = v_layout,
           -- Rows may have gone with a partition.
           sweep_after = case when v_column.layout is not null then '[]' else c.sweep_after end
     where c.id = p_id
    returning c.* into v_column;
  end if;
  perform cogo.recast_cells(v_column, 100000);
  v_collected := cogo.collect_edits(v_column, p_limit);
  select c.* into v_column from cogo.ai_columns c where c.id = p_id;
  -- What reads rows by their keys looks at all edits that are not collected: better when they are few.
  v_is_behind := v_collected >= p_limit;
  v_is_moving := v_is_behind and exists (
    select from cogo.ai_edits e where e.column_id = p_id and e.old_key is not null offset 1000
  );
  if not v_is_behind then
    v_swept := cogo.sweep_cells(v_column, 4 * p_limit);
  end if;
  if not v_is_moving then
    v_applied := cogo.apply_answers(v_column, p_limit, p_until);
  end if;
  select c.* into v_column from cogo.ai_columns c where c.id = p_id;
  v_column := cogo.end_pause(v_column);
  if v_column.paused_at is null and v_column.paused_until is null then
    -- Old rows come after edits, which would be looked through for each of them.
    if not v_is_behind then
      v_filled := cogo.advance_backfill(v_column, p_limit);
    end if;
    if not v_is_moving then
      v_asked := cogo.feed_column(v_column, p_limit);
    end if;
  end if;
  delete from cogo.ai_refusals r
   where r.column_id = p_id and not exists (
     select from cogo.ai_cells c
      where c.column_id = p_id and c.state = 'asked' and c.task_id = r.task_id
   );
  if v_column.errors > 0 then
    update cogo.ai_columns c set error = null, error_at = null, errors = 0 where c.id = p_id;
  end if;
  return array[
    v_collected, v_applied, v_asked,
    -- Feeding goes on when tasks end, which is told.
    (v_is_behind or v_applied >= p_limit or v_swept + v_filled > 0
     or clock_timestamp() > p_until)::integer
  ];
end;
$$;
comment on function cogo.run_column is
  'Collect edits, write answers and submit tasks of one AI column, whose lock the caller holds. Returns
how many were collected, applied and asked for, and 1 if there is more to do at once.';

create or replace function cogo.describe_layout(p_table regclass)
  returns text language sql stable set search_path = pg_catalog, pg_temp
as $$
  select md5(string_agg(p.relid::oid::text || ' ' || c.relfilenode, ',' order by p.relid::oid))
    from pg_catalog.pg_partition_tree(p_table) p
    join pg_catalog.pg_class c on c.oid = p.relid
   where p.isleaf;
$$;
comment on function cogo.describe_layout is
  'Return what changes when a partition is dropped, detached or truncated by itself.';

-- Security definer: agents have no rights on users' tables. What it reads and writes is only what
-- cogo.ai_column() has installed for their owner: no name, filter or statement comes from the caller.
create or replace function public.cogo_run_columns(
  p_agent_id text, p_limit integer default 500, p_host text default null
)
  returns table (
    collected integer, applied integer, asked integer, is_more boolean, standing_still text
  )
  language plpgsql security definer set search_path = pg_catalog, pg_temp
  -- Shorter than deadlock_timeout, so that no writer is the victim of a deadlock with this.
  set lock_timeout = '250ms'
as $$
declare
  v_limit constant integer := least(greatest(coalesce(p_limit, 500), 1), 5000);
  v_until constant timestamptz := clock_timestamp() + interval '2 seconds';
  v_id uuid;
  v_counts integer[];
  v_sqlstate text;
begin
  perform cogo.set_actor(p_agent_id);
  collected := 0;
  applied := 0;
  asked := 0;
  is_more := false;
  if not exists (select from cogo.ai_columns) then
    return next;
    return;
  end if;
  standing_still := cogo.instance_problem(p_host);
  if standing_still is not null then
    return next;
    return;
  end if;
  -- Not always the same one first, so that a slow one delays all others equally.
  for v_id in select c.id from cogo.ai_columns c order by random() loop
    if clock_timestamp() > v_until then
      is_more := true;
      exit;
    end if;
    begin
      -- One run at a time for each column; others take the next one.
      perform
         from cogo.ai_columns c
        where c.id = v_id
          and (
            c.error_at is null
            or c.error_at + least(power(2, least(c.errors, 9)), 300) * interval '1 second' <= cogo.now()
          )
          for no key update skip locked;
      if found then
        if exists (
          select from cogo.ai_columns c
            join pg_catalog.pg_class r on r.oid = c.table_id where c.id = v_id
        ) then
          perform cogo.fold_counts(v_id);
          v_counts := cogo.run_column(v_id, v_limit, v_until);
          collected := collected + v_counts[1];
          applied := applied + v_counts[2];
          asked := asked + v_counts[3];
          is_more := is_more or v_counts[4] = 1;
        else
          perform cogo.forget_column(c) from cogo.ai_columns c where c.id = v_id;
        end if;
      end if;
    exception
      when lock_not_available then
        is_more := true;
      when query_canceled or assert_failure or others then
        get stacked diagnostics v_sqlstate = returned_sqlstate;
        update cogo.ai_columns c
           set error = left(sqlerrm, 2000), error_at = cogo.now(), errors = c.errors + 1
         where c.id = v_id;
        -- The statement has no time left.
        exit when v_sqlstate = '57014';
    end;
  end loop;
  return next;
end;
$$;
comment on function public.cogo_run_columns is
  'Do the work of all AI columns: collect edits, write answers and submit tasks, each for at most p_limit
cells of a column. is_more: call it again at once. standing_still says why nothing was done: this
database is a copy. Orchestrators call this.';
