create or replace function public.cogo_create_api_key(
  p_id text,
  p_hash text,
  p_name text,
  p_scopes text[],
  p_owner uuid default null,
  p_expires_at timestamptz default null,
  p_replaces text default null,
  p_grace_seconds integer default 0
)
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
  if p_hash !~ '^[0-9a-f]{64}$' or coalesce(p_id, '') = '' or coalesce(p_name, '') = '' then
    raise exception using
      errcode = 'TQ004', message = 'a key needs an id, a name and the SHA-256 of its text';
  end if;
  if p_replaces is not null then
    update cogo.api_keys k
       set expires_at = least(k.expires_at, cogo.now() + make_interval(secs => p_grace_seconds))
     where k.id = p_replaces and k.revoked_at is null;
    if not found then
      raise exception using
        errcode = 'TQ002', message = format('there is no key %s, or it was revoked', p_replaces);
    end if;
  end if;
  -- Each start makes a token for the console, and each browser a session.
  delete from cogo.api_keys k
   where least(k.expires_at, k.revoked_at) < cogo.now() - interval '30 days';
  insert into cogo.api_keys as k (id, hash, name, scopes, owner, expires_at)
  values (p_id, p_hash, p_name, coalesce(p_scopes, '{}'), p_owner, p_expires_at)
  on conflict (id) do nothing;
  return query select k.* from public.cogo_api_keys() k where k.id = p_id;
end;
$$;
comment on function public.cogo_create_api_key(
  text, text, text, text[], uuid, timestamptz, text, integer
) is
  'Stores a key of the HTTP gateway by its SHA-256. p_replaces names one that ends after
p_grace_seconds. Keys that ended more than 30 days ago are deleted. Raises TQ002, TQ004.';

revoke all on function public.cogo_create_api_key(
  text, text, text, text[], uuid, timestamptz, text, integer
) from public, anon, authenticated, service_role;
grant execute on function public.cogo_create_api_key(
  text, text, text, text[], uuid, timestamptz, text, integer
) to service_role;
