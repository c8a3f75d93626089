create or replace function cogo.grant_problem(p_owner uuid, p_model text, p_provider text)
  returns text
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_granted jsonb := cogo.granted(p_owner);
begin
  if v_granted is null or v_granted -> 'models' ? p_model or v_granted -> 'providers' ? p_provider
  then
    return null;
  end if;
  return format(
    'model %s is not granted to this owner; granted are %s', p_model, cogo.granted_text(v_granted)
  );
end;
$$;
comment on function cogo.grant_problem(uuid, text, text) is
  'Why an owner may not use this model there, with what is granted; null when nothing forbids it.';

revoke all on function cogo.grant_problem(uuid, text, text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.grant_problem(uuid, text, text) to service_role;
