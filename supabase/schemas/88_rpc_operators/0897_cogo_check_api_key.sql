-- The use is noted once a minute only: a key that is used a lot would else be one hot row.
create or replace function public.cogo_check_api_key(p_id text, p_hash text)
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
  update cogo.api_keys k
     set last_used_at = cogo.now()
   where k.id = p_id and k.hash = p_hash
     and coalesce(k.last_used_at < cogo.now() - interval '1 minute', true);
  return query
    select k.* from public.cogo_api_keys() k
      join cogo.api_keys stored on stored.id = k.id
     where k.id = p_id and stored.hash = p_hash and k.usable;
end;
$$;
comment on function public.cogo_check_api_key(text, text) is
  'The key with this id and SHA-256 when it may be used now, else no row.';

revoke all on function public.cogo_check_api_key(text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_check_api_key(text, text) to service_role;
