create or replace function cogo.find_search_path(p_role oid)
  returns text language sql stable set search_path = ''
as $$
  select coalesce(
    (
      select substr(o.setting, length('search_path=') + 1)
        from pg_catalog.pg_db_role_setting s
       cross join unnest(s.setconfig) as o (setting)
       where o.setting like 'search\_path=%'
         and (
           s.setrole = p_role
           and s.setdatabase in (
             0, (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
           )
           or s.setrole = 0
           and s.setdatabase = (
             select d.oid from pg_catalog.pg_database d where d.datname = current_database()
           )
         )
       order by s.setrole = 0, s.setdatabase = 0
       limit 1
    ),
    (select s.reset_val from pg_catalog.pg_settings s where s.name = 'search_path'),
    '"$user", public'
  );
$$;
comment on function cogo.find_search_path is
  'Return the search_path that a session of a role has by default.';

create or replace function cogo.read_answer(p_result jsonb, p_kind text, p_place integer)
  returns jsonb language sql immutable set search_path = ''
as $$
  select case p_kind
    when 'text' then to_jsonb(nullif(btrim(p_result ->> 'text', E' \t\r\n'), ''))
    when 'vector' then nullif(p_result -> 'embeddings' -> coalesce(p_place, 0), 'null')
    else nullif(p_result -> 'data' -> 'value', 'null')
  end;
$$;
comment on function cogo.read_answer is
  'Return the value of a cell from the result of its task; null if there is none.';

-- Runs what the owner of the table has attached to it: triggers, checks, generated columns. They find their
-- functions as in a session of the owner. Its wait for a lock ends before a deadlock is looked for, of which
-- another transaction could be the victim.
create or replace function cogo.write_value(
  p_column cogo.ai_columns, p_row jsonb, p_place tid, p_part oid, p_value jsonb, p_search_path text
)
  returns integer language plpgsql set search_path = ''
as $$
declare
  v_count integer;
  v_lock_timeout constant text := current_setting('lock_timeout');
  v_statement constant text := format(
    'update %s as t set %s = (select v.value from pg_catalog.jsonb_to_record($1) as v (value %s)) '
    'where t.ctid operator(pg_catalog.=) $2 and t.tableoid operator(pg_catalog.=) $3',
    p_row ->> 'table', p_row ->> 'target', p_row ->> 'type'
  );
begin
  perform set_config('cogo.writes', p_column.id::text, true),
          set_config('lock_timeout', '250ms', true),
          set_config('search_path', p_search_path, true);
  execute v_statement using jsonb_build_object('value', p_value), p_place, p_part;
  get diagnostics v_count = row_count;
  perform pg_catalog.set_config('search_path', '', true),
          pg_catalog.set_config('lock_timeout', v_lock_timeout, true),
          pg_catalog.set_config('cogo.writes', '', true);
  return v_count;
end;
$$;
comment on function cogo.write_value is
  'Write a value into a row that is locked; return how many rows were written.';

create or replace function cogo.apply_cell(
  p_column cogo.ai_columns, p_cell cogo.ai_cells, p_row jsonb, p_value jsonb, p_is_wanted boolean,
  p_model text, p_usd numeric, p_search_path text
)
  returns text language plpgsql set search_path = ''
as $$
declare
  v_now constant timestamptz := cogo.now();
  v_read record;
  v_state text;
  v_reason text;
  v_sqlstate text;
  v_hash bytea := p_cell.value_hash;
  v_source bytea := p_cell.source_hash;
  v_tries integer := p_cell.tries;
begin
  select r.* into v_read from cogo.read_rows(p_row, array[p_cell.key], true) r;
  if not v_read.is_there then
    if exists (
      select from cogo.read_rows(p_row, array[p_cell.key]) r where r.is_there
    ) or cogo.has_moved(p_column.id) then
      -- Somebody else has locked the row, or has given it another key.
      update cogo.ai_cells c
         set due_at = v_now + interval '1 second'
       where c.column_id = p_cell.column_id and c.key = p_cell.key;
      return 'locked';
    end if;
    delete from cogo.ai_cells c where c.column_id = p_cell.column_id and c.key = p_cell.key;
    return 'gone';
  elsif (v_read.value_hash <> p_cell.value_hash or v_read.source_hash <> p_cell.source_hash)
     and p_cell.key = any (cogo.list_moving(p_column)) then
    v_state := 'locked';
  elsif v_read.value_hash <> p_cell.value_hash and not p_column.overwrite then
    v_state := 'kept';
    v_hash := v_read.value_hash;
  elsif v_read.source_hash <> p_cell.source_hash then
    v_state := 'pending';
    v_tries := 0;
  elsif p_is_wanted and p_value is null then
    v_state := 'invalid';
    v_reason := 'the answer has no value';
  else
    begin
      if cogo.write_value(
        p_column, p_row, v_read.place, v_read.part, p_value, p_search_path
      ) = 0 then
        v_state := 'failed';
        v_reason := 'a trigger of the table did not let the value be written';
      else
        v_state := 'done';
        -- As they are after all triggers: one that changes a source would make each answer out of date.
        select r.value_hash, r.source_hash into v_hash, v_source
          from cogo.read_rows(p_row, array[p_cell.key]) r;
      end if;
    exception
      when lock_not_available or deadlock_detected or serialization_failure then
        v_state := 'locked';
      when query_canceled then
        v_state := 'failed';
        v_reason := 'the triggers of the table took too long: ' || sqlerrm;
      when others then
        get stacked diagnostics v_sqlstate = returned_sqlstate;
        v_state := case
          when v_sqlstate like '22%' or v_sqlstate in ('23514', '23502') then 'invalid' else 'failed'
        end;
        v_reason := sqlerrm || coalesce(
          (
            select ' ' || pg_catalog.pg_get_constraintdef(k.oid, true)
              from pg_catalog.pg_constraint k
             where v_sqlstate = '23514' and k.conrelid = p_column.table_id
               and position('"' || k.conname || '"' in sqlerrm) > 0
             limit 1
          ), ''
        );
    end;
  end if;
  if v_state = 'locked' then
    update cogo.ai_cells c
       set due_at = v_now + interval '2 seconds'
     where c.column_id = p_cell.column_id and c.key = p_cell.key;
    return v_state;
  elsif v_state = 'invalid' then
    v_tries := v_tries + 1;
    v_state := case when v_tries > 1 then 'failed' else 'pending' end;
  end if;
  update cogo.ai_cells c
     set state = v_state, tries = v_tries, reason = left(v_reason, 2000), value_hash = v_hash,
         source_hash = v_source, due_at = v_now, owner = v_read.owner, is_alone = false,
         model = coalesce(p_model, c.model),
         cost_usd = case when p_usd is null then c.cost_usd else coalesce(c.cost_usd, 0) + p_usd end,
         done_at = case when v_state <> 'pending' then v_now else c.done_at end
   where c.column_id = p_cell.column_id and c.key = p_cell.key;
  return v_state;
end;
$$;
comment on function cogo.apply_cell is
  'Write an answer under the lock of its row, if the row is as it was asked about and nobody else has
written the value; return what became of the cell.';

create or replace function cogo.settle_failure(
  p_column cogo.ai_columns, p_task public.cogo_tasks, p_keys jsonb[]
)
  returns void language plpgsql set search_path = ''
as $$
declare
  v_now constant timestamptz := cogo.now();
  v_refusal cogo.ai_refusals;
  v_class constant text := p_task.error ->> 'class';
  v_is_refused boolean := false;
  v_state text := 'failed';
  v_reason text := left(p_task.error ->> 'message', 2000);
  v_due timestamptz := v_now;
begin
  select r.* into v_refusal from cogo.ai_refusals r where r.task_id = p_task.id;
  if p_task.id is null then
    v_state := 'pending';
  elsif p_task.status = 'cancelled' then
    if v_reason = 'the value is not wanted any more: the row or the column has changed' then
      v_state := 'pending';
    else
      v_reason := 'its task was cancelled: ' || v_reason;
    end if;
  elsif v_class in ('spend_cap', 'provider_spend_cap') and v_refusal.scope is distinct from 'task' then
    v_state := 'pending';
    v_due := coalesce(v_refusal.resets_at, v_now + interval '10 minutes');
    if v_refusal.scope = 'owner' then
      -- None of this owner's is worth a try before.
      update cogo.ai_cells c
         set due_at = v_due
       where c.column_id = p_column.id and c.state = 'pending'
         and c.owner is not distinct from p_task.owner and c.due_at < v_due;
    elsif v_refusal.scope is not null then
      v_due := v_now;
      perform cogo.pause_for_cap(p_column, v_refusal);
    end if;
  elsif cardinality(p_keys) > 1 then
    -- One of them may be the reason.
    v_state := 'pending';
  end if;
  update cogo.ai_cells c
     set state = v_state, reason = v_reason, due_at = v_due, task_id = p_task.id,
         is_alone = c.is_alone or cardinality(p_keys) > 1 and p_task.status = 'failed',
         done_at = case v_state when 'failed' then v_now else c.done_at end,
         cost_usd = case
           when p_task.cost_usd > 0 then
             coalesce(c.cost_usd, 0) + p_task.cost_usd / cardinality(p_keys)
           else c.cost_usd
         end
   where c.column_id = p_column.id and c.key = any (p_keys);
  delete from cogo.ai_refusals r where r.task_id = p_task.id;
end;
$$;
comment on function cogo.settle_failure is
  'Decide what becomes of cells whose task gave no answer. What a cap refused is wanted again later.';

create or replace function cogo.apply_answers(
  p_column cogo.ai_columns, p_limit integer, p_until timestamptz
)
  returns integer language plpgsql set search_path = ''
as $$
declare
  v_open record;
  v_task public.cogo_tasks;
  v_cell cogo.ai_cells;
  v_keys jsonb[];
  v_kind text;
  v_rows jsonb := '{}';
  v_path text;
  v_count integer := 0;
begin
  for v_open in
    select c.task_id, count(*)::integer as cells
      from cogo.ai_cells c
      left join public.cogo_tasks t on t.id = c.task_id
     where c.column_id = p_column.id and c.state = 'asked' and c.due_at <= cogo.now()
       and (t.id is null or t.finished_at is not null)
     group by c.task_id
     limit p_limit
  loop
    exit when v_count >= p_limit or clock_timestamp() > p_until;
    v_task := null;
    select t.* into v_task from public.cogo_tasks t where t.id = v_open.task_id;
    v_keys := array(
      select c.key
        from cogo.ai_cells c
       where c.column_id = p_column.id and c.state = 'asked'
         and c.task_id is not distinct from v_open.task_id
         and c.due_at <= cogo.now()
       order by c.key
       limit p_limit
         for update
    );
    if v_open.task_id is not null and v_task.status is distinct from 'completed' then
      perform cogo.settle_failure(p_column, v_task, v_keys);
      v_count := v_count + cardinality(v_keys);
      continue;
    end if;
    v_path := coalesce(v_path, (
      select cogo.find_search_path(c.relowner) from pg_catalog.pg_class c where c.oid = p_column.table_id
    ));
    for v_cell in
      select c.* from cogo.ai_cells c
       where c.column_id = p_column.id and c.key = any (v_keys)
       order by c.place, c.key
    loop
      if not v_rows ? v_cell.version::text then
        v_rows := v_rows || jsonb_build_object(
          v_cell.version,
          (
            select jsonb_build_object(
                     'row', cogo.describe_row(p_column, v.version),
                     'kind', cogo.describe_column(
                       p_column.table_id, p_column.column_number, v.schema, v.params
                     ) ->> 'kind',
                     'is_readable', array_position(
                       cogo.list_columns(p_column.table_id, v.source_numbers), null
                     ) is null
                   )
              from cogo.ai_column_versions v
             where v.column_id = p_column.id and v.version = v_cell.version
          )
        );
      end if;
      if (v_rows -> v_cell.version::text -> 'is_readable')::boolean is not true then
        update cogo.ai_cells c
           set state = 'pending', due_at = cogo.now(), task_id = null
         where c.column_id = p_column.id and c.key = v_cell.key;
      else
        perform cogo.apply_cell(
          p_column, v_cell, v_rows -> v_cell.version::text -> 'row',
          cogo.read_answer(
            v_task.result, v_rows -> v_cell.version::text ->> 'kind', v_cell.place
          ),
          v_open.task_id is not null, v_task.result ->> 'model_used',
          v_task.cost_usd / v_open.cells, v_path
        );
      end if;
      v_count := v_count + 1;
      exit when clock_timestamp() > p_until;
    end loop;
  end loop;
  return v_count;
end;
$$;
comment on function cogo.apply_answers is
  'Write the answers of ended tasks into the rows of an AI column; return how many cells were settled.';
