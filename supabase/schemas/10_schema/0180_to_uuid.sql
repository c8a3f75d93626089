create or replace function cogo.to_uuid(p_text text)
  returns uuid
  language sql
  immutable
  return case
    when p_text ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then p_text::uuid
  end;
comment on function cogo.to_uuid(text) is 'The uuid that a text spells, or null.';

revoke all on function cogo.to_uuid(text) from public, anon, authenticated, service_role;
grant execute on function cogo.to_uuid(text) to authenticated, service_role;
