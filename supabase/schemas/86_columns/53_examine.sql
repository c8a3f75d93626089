-- Nobody corrects an answer by white space and the case of letters alone.
create or replace function cogo.fold_value(p_value text)
  returns text language sql immutable
  return lower(regexp_replace(p_value, '\s+', '', 'g') collate "default");
comment on function cogo.fold_value is 'Return a value without white space and case.';

create or replace function cogo.judge_edits(
  p_column cogo.ai_columns, p_keys jsonb[], p_tasks uuid[]
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
as $$
declare
  v_row constant jsonb := cogo.describe_row(p_column, p_column.version);
  v_edit record;
begin
  for v_edit in
    execute format(
      'select k.task_id, r.value from unnest($1, $2) as k (key, task_id) '
      'cross join lateral (select t.%s::text as value from %s t where %s) as r',
      v_row ->> 'target', v_row ->> 'table', v_row ->> 'match'
    ) using p_keys, p_tasks
  loop
    perform cogo.record_judgement(f.subtask_id, f.attempt, 'edit', 0)
       from public.cogo_tasks t
      cross join cogo.find_answer(t.id) f
      where t.id = v_edit.task_id and f.subtask_id is not null
        and cogo.fold_value(v_edit.value) is distinct from cogo.fold_value(
          coalesce(t.result -> 'data' -> 'value' #>> '{}', t.result ->> 'text')
        );
  end loop;
end;
$$;
comment on function cogo.judge_edits is
  'Judge the answers of tasks whose values persons have replaced.';

-- What counts is the row as it is now, however it was written and how often.
create or replace function cogo.examine_rows(
  p_column cogo.ai_columns, p_keys jsonb[], p_is_sweep boolean default false,
  p_by_persons jsonb[] default '{}'
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
as $$
declare
  v_now constant timestamptz := cogo.now();
  v_dropped uuid[];
  v_keys jsonb[];
  v_are_there boolean[];
  v_owners uuid[];
  v_sources bytea[];
  v_values bytea[];
  v_have_values boolean[];
  v_moving jsonb[];
  v_judged jsonb[];
  v_tasks uuid[];
begin
  select array_agg(r.key), array_agg(r.is_there), array_agg(r.owner), array_agg(r.source_hash),
         array_agg(r.value_hash), array_agg(r.has_value)
    into v_keys, v_are_there, v_owners, v_sources, v_values, v_have_values
    from cogo.read_rows(cogo.describe_row(p_column, p_column.version), p_keys) r;
  -- A later edit tells which row that is, and has it looked at again.
  v_moving := cogo.list_moving(p_column);
  with examined as materialized (
    select distinct on (r.key)
           r.key, r.is_there, r.owner, r.source_hash, r.value_hash,
           r.has_value and not p_column.overwrite as has_value,
           c.key is not null as has_cell, c.ctid as cell, c.state, c.task_id,
           coalesce(c.value_hash <> r.value_hash and not p_column.overwrite, false) as is_written,
           -- Versions with other sources cannot be compared.
           case
             when coalesce(c.version, p_column.version) = p_column.version
               or v.source_numbers = w.source_numbers then
               c.source_hash is distinct from r.source_hash
             else not p_is_sweep
           end as is_edited
      from unnest(v_keys, v_are_there, v_owners, v_sources, v_values, v_have_values)
             as r (key, is_there, owner, source_hash, value_hash, has_value)
      left join cogo.ai_cells c on c.column_id = p_column.id and c.key = r.key
      left join cogo.ai_column_versions v
        on v.column_id = p_column.id and v.version = c.version
      left join cogo.ai_column_versions w
        on w.column_id = p_column.id and w.version = p_column.version
     where r.key <> all (v_moving)
     order by r.key, r.is_there desc
  ), kept as (
    update cogo.ai_cells c
       set state = 'kept', value_hash = r.value_hash, owner = r.owner, task_id = null, reason = null,
           done_at = v_now
      from examined r
     where c.ctid = r.cell and r.is_there and r.is_written
       and c.state <> 'kept'
    returning r.key, r.state, r.task_id,
              -- Of other sources the answer may have been right.
              r.state = 'done' and not r.is_edited and r.task_id is not null
                and r.key = any (p_by_persons) as is_judged
  ), edited as (
    update cogo.ai_cells c
       set state = case when c.state in ('done', 'failed') then 'pending' else c.state end,
           priority = case when c.state = 'asked' then c.priority else 0 end,
           due_at = case when c.state in ('done', 'failed') then v_now else c.due_at end,
           tries = case when c.state = 'asked' then c.tries else 0 end,
           outages = case when c.state = 'asked' then c.outages else 0 end,
           reason = case when c.state = 'asked' then c.reason end,
           source_hash = case when c.state = 'asked' then c.source_hash else r.source_hash end,
           owner = r.owner
      from examined r
     where c.ctid = r.cell and r.is_there and r.is_edited
       and not r.is_written and c.state <> 'kept'
    returning r.state, r.task_id
  ), given as (
    update cogo.ai_cells c
       set owner = r.owner
      from examined r
     where c.ctid = r.cell and r.is_there
       and c.owner is distinct from r.owner
       and (c.state = 'kept' or not r.is_edited and not r.is_written)
  ), added as (
    insert into cogo.ai_cells (column_id, key, state, due_at, source_hash, value_hash, owner)
    select p_column.id, r.key, case when r.has_value then 'kept' else 'pending' end, v_now,
           r.source_hash, r.value_hash, r.owner
      from examined r
     where r.is_there and not r.has_cell and not p_is_sweep
    on conflict do nothing
  )
  select array(
           select distinct d.task_id
             from (
               select k.state, k.task_id from kept k union all select e.state, e.task_id from edited e
             ) as d
            where d.state = 'asked' and d.task_id is not null
         ),
         array(select k.key from kept k where k.is_judged order by k.key),
         array(select k.task_id from kept k where k.is_judged order by k.key)
    into v_dropped, v_judged, v_tasks;
  perform cogo.drop_tasks(p_column.id, v_dropped);
  if v_judged <> '{}' then
    perform cogo.judge_edits(p_column, v_judged, v_tasks);
  end if;
end;
$$;
comment on function cogo.examine_rows is
  'Compare rows of the table of an AI column with their cells: new rows get one, edited ones are asked
for anew, and a value that COGO has not written is kept. One that a person has put in the place of an
answer is a judgement of it.';
