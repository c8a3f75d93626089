create or replace function public.cogo_api_keys()
  returns table (
    id text, name text, owner uuid, scopes text[], created_at timestamptz, expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz, usable boolean
  )
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select k.id, k.name, k.owner, k.scopes, k.created_at, k.expires_at, k.revoked_at,
         k.last_used_at,
         k.revoked_at is null and (k.expires_at is null or k.expires_at > cogo.now())
    from cogo.api_keys k
   order by k.created_at desc, k.id;
$$;
comment on function public.cogo_api_keys() is
  'For operators: the keys of the HTTP gateway, the newest first, without their hashes.';

revoke all on function public.cogo_api_keys() from public, anon, authenticated, service_role;
grant execute on function public.cogo_api_keys() to service_role;
