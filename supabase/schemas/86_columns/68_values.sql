create or replace function cogo.find_search_path(p_role oid)
  returns text language sql stable set search_path = pg_catalog, pg_temp
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
  returns jsonb language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case p_kind
    when 'text' then to_jsonb(nullif(btrim(p_result ->> 'text', E' \t\r\n'), ''))
    when 'vector' then nullif(p_result -> 'embeddings' -> coalesce(p_place, 0), 'null')
    else nullif(p_result -> 'data' -> 'value', 'null')
  end;
$$;
comment on function cogo.read_answer is
  'Return the value of a cell from the result of its task; null if there is none.';

-- Runs what the owner of the table has attached to it: triggers, checks, generated columns. They find
-- their functions as in a session of the owner. Waits for locks end before a deadlock is looked for, of
-- which another transaction could be the victim.
create or replace function cogo.write_value(
  p_column cogo.ai_columns, p_row jsonb, p_place tid, p_part oid, p_value jsonb, p_search_path text
)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
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
  -- What is deferred would run at the end, as the caller, and its error would undo all that was done.
  set constraints all immediate;
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
  returns text language plpgsql set search_path = pg_catalog, pg_temp
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
      -- An assertion is no other error.
      when assert_failure or others then
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
         source_hash = v_source, due_at = v_now, owner = v_read.owner, is_alone = false, outages = 0,
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
