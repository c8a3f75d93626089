create or replace function cogo.check_size(
  p_field text, p_size bigint, p_limit bigint default 10000, p_unit text default 'characters'
)
  returns void
  language plpgsql
  immutable
  set search_path = ''
as $$
begin
  if p_size > p_limit then
    raise exception using
      errcode = 'TQ008',
      message = format('%s has %s %s; the limit is %s', p_field, p_size, p_unit, p_limit);
  end if;
end;
$$;
comment on function cogo.check_size(text, bigint, bigint, text) is
  'Raises TQ008 for what is larger than its limit.';

revoke all on function cogo.check_size(text, bigint, bigint, text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.check_size(text, bigint, bigint, text) to service_role;
