-- Keys of named projects.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function public.cogo_create_api_key(p_id text, p_hash text, p_name text, p_scopes text[], p_owner uuid DEFAULT NULL::uuid, p_expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, p_replaces text DEFAULT NULL::text, p_grace_seconds integer DEFAULT 0, p_project text DEFAULT NULL::text)
 RETURNS TABLE(id text, name text, owner uuid, scopes text[], created_at timestamp with time zone, expires_at timestamp with time zone, revoked_at timestamp with time zone, last_used_at timestamp with time zone, usable boolean, project text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

insert into cogo.schema_versions (version) values ('20261130162516')
on conflict (version) do nothing;
