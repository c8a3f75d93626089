create or replace function cogo.preview(p_value jsonb)
  returns jsonb
  language sql
  immutable
  return case
    when octet_length(p_value::text) <= 4096 then p_value
    when jsonb_typeof(p_value) = 'object' then (
      select coalesce(jsonb_object_agg(f.key, f.value), '{}')
        from (
          select e.key, e.value from jsonb_each(p_value) e
           where octet_length(e.key) + octet_length(e.value::text) <= 256
           limit 16
        ) as f
    )
  end;
comment on function cogo.preview(jsonb) is
  'A value as lists show it: beyond 4 KiB, only short fields of an object.';

revoke all on function cogo.preview(jsonb) from public, anon, authenticated, service_role;
grant execute on function cogo.preview(jsonb) to authenticated, service_role;
