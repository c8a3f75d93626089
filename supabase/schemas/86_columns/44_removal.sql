create or replace function cogo.remove_ai_column(table_name regclass, column_name text)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  v_column cogo.ai_columns := cogo.find_column(table_name, column_name);
begin
  perform cogo.check_table(table_name);
  perform cogo.detach_trigger(v_column);
  perform cogo.forget_column(v_column);
end;
$$;
comment on function cogo.remove_ai_column is
  'Make an AI column an ordinary one: its values stay, nothing of COGO is left. Its open tasks are
cancelled.';

create or replace function cogo.forget_column(p_column cogo.ai_columns)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  -- The triggers may have gone with their table.
  execute format('drop function if exists cogo.%I()', cogo.name_trigger(p_column.id));
  perform cogo.cancel_unstarted(
    array(
      select t.id from public.cogo_tasks t where t.column_id = p_column.id and t.finished_at is null
    ),
    'its AI column was removed', true
  );
  delete from cogo.ai_edits e where e.column_id = p_column.id;
  delete from cogo.ai_cells c where c.column_id = p_column.id;
  delete from cogo.ai_counts n where n.column_id = p_column.id;
  delete from cogo.ai_refusals r where r.column_id = p_column.id;
  delete from cogo.budgets b where b.scope = 'column' and b.key = p_column.id::text;
  delete from cogo.ai_columns c where c.id = p_column.id;
end;
$$;
comment on function cogo.forget_column is 'Delete all that is known of an AI column.';

create or replace function cogo.revert_ai_column(
  table_name regclass, column_name text, version integer default null
)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  v_column cogo.ai_columns := cogo.find_column(table_name, column_name);
  v_version cogo.ai_column_versions;
begin
  perform cogo.check_table(table_name);
  select v.* into v_version
    from cogo.ai_column_versions v
   where v.column_id = v_column.id
     and v.version = coalesce(version, (
       select max(o.version) from cogo.ai_column_versions o
        where o.column_id = v_column.id and o.version < v_column.version
     ));
  if not found then
    perform cogo.refuse_column(
      format('%s.%I has no version %s', cogo.show_table(table_name), column_name,
             coalesce(version::text, format('before %s', v_column.version)))
    );
  end if;
  update cogo.ai_columns c
     set version = v_version.version, error = null, error_at = null, errors = 0, changed_at = cogo.now()
   where c.id = v_column.id
  returning c.* into v_column;
  perform cogo.install_trigger(v_column);
  perform cogo.drop_unstarted(v_column);
  return v_version.version;
end;
$$;
comment on function cogo.revert_ai_column is
  'Go back to a version of an AI column, by default the one before; return its number. What that version
has made is up to date again.';
