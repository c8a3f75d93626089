create or replace function cogo.apply_answers(
  p_column cogo.ai_columns, p_limit integer, p_until timestamptz
)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_open record;
  v_task public.cogo_tasks;
  v_cell cogo.ai_cells;
  v_keys jsonb[];
  v_kind text;
  v_rows jsonb := '{}';
  v_path text;
  v_result jsonb;
  v_cells integer;
  v_count integer := 0;
  v_outages integer := p_column.outages;
begin
  for v_open in
    select c.task_id
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
      v_outages := case when cogo.is_outage(v_task) then v_outages + 1 else 0 end;
      v_count := v_count + cardinality(v_keys);
      continue;
    end if;
    -- Read once: each look into a stored result decompresses all of it, with its 64 vectors.
    v_result := v_task.result || '{}';
    v_outages := case when v_open.task_id is null then v_outages else 0 end;
    -- Not of those that are left: others were settled before.
    v_cells := coalesce(jsonb_array_length(v_task.params -> 'input'), 1);
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
            v_result, v_rows -> v_cell.version::text ->> 'kind', v_cell.place
          ),
          v_open.task_id is not null, v_result ->> 'model_used',
          v_task.cost_usd / v_cells, v_path
        );
      end if;
      v_count := v_count + 1;
      exit when clock_timestamp() > p_until;
    end loop;
  end loop;
  update cogo.ai_columns c
     set outages = v_outages, outage_at = case when v_outages > 0 then cogo.now() end,
         outage = case when v_outages > 0 then left(v_task.error ->> 'message', 2000) end
   where c.id = p_column.id and c.outages <> v_outages;
  if p_column.outages >= 10 and v_outages = 0 then
    -- It is over: nobody needs to wait any longer.
    update cogo.ai_cells c
       set due_at = cogo.now()
     where c.column_id = p_column.id and c.state = 'pending' and c.due_at > cogo.now()
       and c.outages > 0;
  end if;
  return v_count;
end;
$$;
comment on function cogo.apply_answers is
  'Write the answers of ended tasks into the rows of an AI column; return how many cells were settled.';
