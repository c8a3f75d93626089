create or replace function cogo.to_integer(p_text text)
  returns integer
  language sql
  immutable
  return case when p_text ~ '^[0-9]{1,9}$' then p_text::integer end;
comment on function cogo.to_integer(text) is
  'The number from 0 to 999999999 that a text spells, or null.';

revoke all on function cogo.to_integer(text) from public, anon, authenticated, service_role;
grant execute on function cogo.to_integer(text) to service_role;
