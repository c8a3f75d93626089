-- Vectors are compared by pgvector where it can be installed. Nothing needs it: without, memory is
-- searched by its words, and stored texts one by one.

do $$
begin
  if exists (select from pg_catalog.pg_available_extensions a where a.name = 'vector')
     and not exists (select from pg_catalog.pg_extension e where e.extname = 'vector')
     and exists (select from pg_catalog.pg_namespace n where n.nspname = 'extensions') then
    create extension vector with schema extensions;
  end if;
exception
  -- Only a superuser may, on some servers.
  when insufficient_privilege or feature_not_supported or undefined_file then
    raise notice 'pgvector is not installed: %', sqlerrm;
end;
$$;

-- What is stored already is copied by cogo_run_memory(), a little at a time: no lock lasts.
insert into cogo.unindexed_embeddings (id, owner)
select e.id, cogo.owner_key(e.owner) from public.cogo_embeddings e
on conflict do nothing;

insert into cogo.schema_versions (version) values ('20261129181000')
on conflict (version) do nothing;
