create or replace function cogo.requested_model(p_name text)
  returns text
  language sql
  immutable
  set search_path = ''
as $$
  select case when lower(btrim(p_name)) in ('', 'auto') then null else p_name end;
$$;
comment on function cogo.requested_model(text) is
  'The model that a task asks for by name: to ask for auto is to ask for none.';

revoke all on function cogo.requested_model(text)
  from public, anon, authenticated, service_role;
