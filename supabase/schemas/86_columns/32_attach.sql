create or replace function cogo.detach_trigger(p_column cogo.ai_columns)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text;
begin
  for v_name in
    select t.tgname
      from pg_catalog.pg_trigger t
     where t.tgrelid = p_column.table_id
       and t.tgname in (
         cogo.name_trigger(p_column.id), cogo.name_trigger(p_column.id) || '_truncate'
       )
  loop
    execute format('drop trigger %I on %s', v_name, cogo.show_table(p_column.table_id));
  end loop;
end;
$$;
comment on function cogo.detach_trigger is 'Drop the triggers of an AI column.';

create or replace function cogo.attach_trigger(p_column cogo.ai_columns)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_name constant text := cogo.name_trigger(p_column.id);
  v_table constant text := cogo.show_table(p_column.table_id);
begin
  -- Not replaced if they are there, since that locks the table.
  if exists (
    select from pg_catalog.pg_trigger t
     where t.tgrelid = p_column.table_id and t.tgname = v_name and t.tgenabled in ('O', 'A')
  ) then
    return;
  end if;
  perform cogo.detach_trigger(p_column);
  execute format(
    'create trigger %1$I after insert or update or '
    'delete on %2$s for each row execute function cogo.%1$I()',
    v_name, v_table
  );
  execute format(
    'create trigger %I after truncate on %s for each statement execute function '
    'cogo.note_truncation(%L)', v_name || '_truncate', v_table, p_column.id
  );
end;
$$;
comment on function cogo.attach_trigger is 'Create the triggers of an AI column, unless it has them.';
