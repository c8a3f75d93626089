create or replace function public.cogo_revoke_api_key(p_id text)
  returns table (
    id text, name text, owner uuid, scopes text[], created_at timestamptz, expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz, usable boolean
  )
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
begin
  update cogo.api_keys k set revoked_at = coalesce(k.revoked_at, cogo.now()) where k.id = p_id;
  if not found then
    raise exception using errcode = 'TQ002', message = format('there is no key %s', p_id);
  end if;
  return query select k.* from public.cogo_api_keys() k where k.id = p_id;
end;
$$;
comment on function public.cogo_revoke_api_key(text) is
  'Ends a key of the HTTP gateway now and for good. Raises TQ002.';

revoke all on function public.cogo_revoke_api_key(text)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_revoke_api_key(text) to service_role;
