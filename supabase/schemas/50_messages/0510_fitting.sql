-- A broadcast that is too large is dropped without a word by Realtime, so large values stay in
-- the row, and the message says where.
create or replace function cogo.fitting(p_payload jsonb)
  returns jsonb
  language plpgsql
  immutable
  set search_path = ''
as $$
begin
  -- No text is more than six times as long as what it was parsed to: mostly there is nothing to do.
  if pg_column_size(p_payload) <= 4096 or octet_length(p_payload::text) <= 32768 then
    return p_payload;
  end if;
  return (
    select jsonb_object_agg(
             field.key,
             case
               when octet_length(field.value::text) <= 1024 then field.value
               -- Which model a subtask is for must be said, however long its prompt is.
               else (
                 select coalesce(jsonb_object_agg(inner_field.key, inner_field.value), '{}')
                   from jsonb_each(field.value) as inner_field
                  where octet_length(inner_field.value::text) <= 256
               )
             end
           ) || jsonb_build_object(
             'ref', jsonb_build_object(
               'table', case when p_payload ? 'subtask_id' then 'cogo_subtasks'
                             else 'cogo_tasks' end,
               'id', coalesce(p_payload -> 'subtask_id', p_payload -> 'task_id')
             )
           )
      from jsonb_each(p_payload) as field
     where octet_length(field.value::text) <= 1024
        or field.key in ('params', 'metadata') and jsonb_typeof(field.value) = 'object'
  );
end;
$$;
comment on function cogo.fitting(jsonb) is
  'The payload; beyond 32 KiB without its large fields, with a reference to the row instead.';

revoke all on function cogo.fitting(jsonb) from public, anon, authenticated, service_role;
grant execute on function cogo.fitting(jsonb) to service_role;
