-- Schema `storage`: buckets and objects with the columns and functions of a hosted project. Their contents
-- are files beside the database, named by `version`.

create schema if not exists storage;
alter schema storage owner to supabase_admin;
grant usage on schema storage to postgres, anon, authenticated, service_role;
grant all on schema storage to supabase_storage_admin;

create table if not exists storage.buckets (
  id text primary key,
  name text not null,
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  public boolean default false,
  avif_autodetection boolean default false,
  file_size_limit bigint,
  allowed_mime_types text[],
  owner_id text,
  constraint buckets_name_length check (length(name) <= 100)
);
create unique index if not exists bname on storage.buckets (name);

create table if not exists storage.objects (
  id uuid primary key default gen_random_uuid(),
  bucket_id text references storage.buckets,
  name text,
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  last_accessed_at timestamptz default now(),
  metadata jsonb,
  path_tokens text[] generated always as (string_to_array(name, '/')) stored,
  version text,
  owner_id text,
  user_metadata jsonb
);
create unique index if not exists bucketid_objname on storage.objects (bucket_id, name);

alter table storage.buckets owner to supabase_storage_admin;
alter table storage.objects owner to supabase_storage_admin;
alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;
grant all on storage.buckets, storage.objects to postgres, anon, authenticated, service_role;

create or replace function storage.foldername(name text)
  returns text[]
  language sql
  immutable
  set search_path = pg_catalog, pg_temp
as $$
  select t.tokens[1:cardinality(t.tokens) - 1] from (select string_to_array(name, '/')) as t (tokens)
$$;

create or replace function storage.filename(name text)
  returns text
  language sql
  immutable
  set search_path = pg_catalog, pg_temp
as $$ select split_part(name, '/', -1) $$;

create or replace function storage.extension(name text)
  returns text
  language sql
  immutable
  set search_path = pg_catalog, pg_temp
as $$ select split_part(storage.filename(name), '.', -1) $$;

create or replace function storage.operation()
  returns text
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $$ select current_setting('storage.operation', true) $$;

-- For policies; `storage.` before a name may be left out.
create or replace function storage.allow_any_operation(expected_operations text[])
  returns boolean
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from unnest(expected_operations) as e (name)
     where e.name <> ''
       and regexp_replace(e.name, '^storage\.', '')
         = regexp_replace(storage.operation(), '^storage\.', '')
  )
$$;

create or replace function storage.allow_only_operation(expected_operation text)
  returns boolean
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $$ select storage.allow_any_operation(array[expected_operation]) $$;

create or replace function storage.update_updated_at_column()
  returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  new.updated_at := now();
  return new;
end;
$$;

create or replace trigger update_objects_updated_at
  before update on storage.objects
  for each row execute function storage.update_updated_at_column();

-- Otherwise the file would stay.
create or replace function storage.protect_delete()
  returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('storage.allow_delete_query', true) is distinct from 'true' then
    raise exception using
      errcode = '42501',
      message = 'Direct deletion from storage tables is not allowed. Use the Storage API instead.',
      hint = 'This prevents accidental data loss from orphaned objects.';
  end if;
  return null;
end;
$$;

create or replace trigger protect_buckets_delete
  before delete on storage.buckets
  for each statement execute function storage.protect_delete();
create or replace trigger protect_objects_delete
  before delete on storage.objects
  for each statement execute function storage.protect_delete();
