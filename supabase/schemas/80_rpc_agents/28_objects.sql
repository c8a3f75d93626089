-- Security definer: agents may not read auth.users. Policies may ask for more than the id; a claim that
-- says less of a person than their token would must not open more to them.
create or replace function cogo.user_claims(p_owner uuid)
  returns jsonb language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_claims jsonb := jsonb_build_object(
    'sub', p_owner, 'role', 'authenticated', 'aud', 'authenticated', 'aal', 'aal1'
  );
  v_user jsonb;
begin
  if to_regclass('auth.users') is null then
    return v_claims;
  end if;
  select to_jsonb(u) into v_user from auth.users u where u.id = p_owner;
  return v_claims || jsonb_strip_nulls(
    jsonb_build_object(
      'email', v_user -> 'email', 'phone', v_user -> 'phone',
      'is_anonymous', v_user -> 'is_anonymous',
      'app_metadata', v_user -> 'raw_app_meta_data',
      'user_metadata', v_user -> 'raw_user_meta_data'
    )
  );
end;
$$;
comment on function cogo.user_claims is
  'Return the claims of a user''s access token, after a sign-in without a second factor.';

-- Storage may keep old versions of an object in columns that earlier releases of it lack. Whoever may
-- read an old version may not therefore read what is downloaded, the latest.
-- The role is as before when the function returns; the other settings are put back, or rolled back.
create or replace function cogo.can_select_object(p_claims jsonb, p_bucket text, p_path text)
  returns boolean language plpgsql set search_path = pg_catalog, pg_temp set role = 'authenticated'
as $$
declare
  v_names constant text[] := array['request.jwt.claims', 'request.jwt.claim.sub', 'storage.operation'];
  v_values constant text[] := array[p_claims::text, '', 'storage.object.get_authenticated'];
  v_before text[];
  v_may boolean;
begin
  v_before := array(
    select coalesce(current_setting(n.name, true), '')
      from unnest(v_names) with ordinality as n (name, nth) order by n.nth
  );
  perform set_config(n.name, n.value, true) from unnest(v_names, v_values) as n (name, value);
  perform set_config('role', p_claims ->> 'role', true);
  v_may := exists (
    select from storage.objects o
     where o.bucket_id = p_bucket and o.name = p_path
       and to_jsonb(o) ->> 'archived_at' is null
       and to_jsonb(o) ->> 'is_delete_marker' is distinct from 'true'
  );
  perform set_config(n.name, n.value, true) from unnest(v_names, v_before) as n (name, value);
  return v_may;
exception
  -- A policy that fails allows nothing.
  when syntax_error_or_access_rule_violation or data_exception or raise_exception then
    return false;
end;
$$;
comment on function cogo.can_select_object is
  'Return whether the policies of Supabase Storage let the holder of a token with these claims read an
object.';

create or replace function public.cogo_may_read_object(p_owner uuid, p_bucket text, p_path text)
  returns boolean language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regclass('storage.objects') is null or p_bucket is null or p_path is null then
    return false;
  elsif cogo.can_select_object(
    case when p_owner is null then '{"role": "anon"}' else cogo.user_claims(p_owner) end,
    p_bucket, p_path
  ) then
    return true;
  end if;
  -- Anyone may read by their address, without any policy.
  return exists (
    select from storage.objects o
      join storage.buckets b on b.id = o.bucket_id
     where b.public and o.bucket_id = p_bucket and o.name = p_path
       and to_jsonb(o) ->> 'archived_at' is null
       and to_jsonb(o) ->> 'is_delete_marker' is distinct from 'true'
  );
end;
$$;
comment on function public.cogo_may_read_object is
  'Return whether an owner (null: anyone) could read an object of Supabase Storage: by its policies, or
because its bucket is public. False if there is none, or no Storage.';
