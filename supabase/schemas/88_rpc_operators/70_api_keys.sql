create or replace function public.cogo_api_keys()
  returns table (
    id text, name text, owner uuid, scopes text[], created_at timestamptz, expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz, usable boolean, project text
  )
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select k.id, k.name, k.owner, k.scopes, k.created_at, k.expires_at, k.revoked_at,
         k.last_used_at,
         k.revoked_at is null and (k.expires_at is null or k.expires_at > cogo.now()), k.project
    from cogo.api_keys k
   order by k.created_at desc, k.id;
$$;
comment on function public.cogo_api_keys is
  'For operators: the keys of the HTTP gateway, newest first, without their hashes.';

-- Updates last_used_at at most once a minute, so that a busy key is not a hot row.
create or replace function public.cogo_check_api_key(p_id text, p_hash text)
  returns table (
    id text, name text, owner uuid, scopes text[], created_at timestamptz, expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz, usable boolean, project text
  )
  language plpgsql set search_path = pg_catalog, pg_temp
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
comment on function public.cogo_check_api_key is
  'Return the key with this id and SHA-256 if it is usable now, else no row.';

create or replace function public.cogo_create_api_key(
  p_id text,
  p_hash text,
  p_name text,
  p_scopes text[],
  p_owner uuid default null,
  p_expires_at timestamptz default null,
  p_replaces text default null,
  p_grace_seconds integer default 0,
  p_project text default null
)
  returns table (
    id text, name text, owner uuid, scopes text[], created_at timestamptz, expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz, usable boolean, project text
  )
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_project constant text := cogo.clean_label(p_project);
begin
  if p_hash !~ '^[0-9a-f]{64}$' or coalesce(p_id, '') = '' or coalesce(p_name, '') = '' then
    raise exception using
      errcode = 'TQ004', message = 'a key needs an id, a name and the SHA-256 of its text';
  end if;
  perform cogo.check_size('p_project', length(v_project), 100);
  if p_project is not null and v_project is null then
    raise exception using
      errcode = 'TQ004', message = 'p_project must name a project; null: the key is for all tasks';
  elsif v_project is not null and 'admin' = any (p_scopes) then
    raise exception using
      errcode = 'TQ004', message = 'the scope admin is for everything, not for one project';
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
  -- Each start creates a token for the console, and each browser a session.
  delete from cogo.api_keys k
   where least(k.expires_at, k.revoked_at) < cogo.now() - interval '30 days';
  insert into cogo.api_keys as k (id, hash, name, scopes, owner, expires_at, project)
  values (
    p_id, p_hash, p_name, coalesce(p_scopes, '{}'), p_owner, p_expires_at, v_project
  )
  on conflict (id) do nothing;
  return query select k.* from public.cogo_api_keys() k where k.id = p_id;
end;
$$;
comment on function public.cogo_create_api_key is
  'Store a key of the HTTP gateway by its SHA-256. p_replaces names one that ends after p_grace_seconds.
p_project restricts it to the tasks of one project.
Deletes keys that ended more than 30 days ago. Raises TQ002, TQ004.';

create or replace function public.cogo_revoke_api_key(p_id text)
  returns table (
    id text, name text, owner uuid, scopes text[], created_at timestamptz, expires_at timestamptz,
    revoked_at timestamptz, last_used_at timestamptz, usable boolean, project text
  )
  language plpgsql set search_path = pg_catalog, pg_temp
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
comment on function public.cogo_revoke_api_key is 'Revoke a key of the HTTP gateway. Raises TQ002.';
