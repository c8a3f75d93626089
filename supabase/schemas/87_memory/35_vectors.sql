-- Vectors of pgvector, where it is installed: a table for each number of dimensions, because an index
-- has one. Halves of 16 bits rank as well as floats, at half the size. All have length 1, which cosines
-- do not see, so that none is too large for them.
create or replace function cogo.find_vector_types()
  returns text language sql stable set search_path = pg_catalog, pg_temp
as $$
  select quote_ident(n.nspname)
    from pg_catalog.pg_extension e
    join pg_catalog.pg_namespace n on n.oid = e.extnamespace
    join pg_catalog.pg_type t on t.typnamespace = n.oid and t.typname = 'halfvec'
   where e.extname = 'vector';
$$;
comment on function cogo.find_vector_types is
  'Return the schema of pgvector, quoted; null where it is not installed, or before 0.7.';

create or replace function cogo.find_vector_table(p_what text, p_dimensions integer)
  returns regclass language sql stable set search_path = pg_catalog, pg_temp
as $$
  select a.attrelid::regclass
    from pg_catalog.pg_attribute a
   where a.attrelid = to_regclass('cogo.' || p_what || '_vectors_' || p_dimensions)
     and a.attname = 'vector' and not a.attisdropped;
$$;
comment on function cogo.find_vector_table is
  'Return the table of the vectors of memory or embedding with so many dimensions, if there is one. It
has lost them if pgvector was removed.';

create or replace function cogo.recall_vectors(p_what text, p_dimensions integer)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if p_what = 'memory' then
    insert into cogo.embedding_queue (memory_id, owner, seq)
    select m.id, cogo.owner_key(m.owner), m.seq
      from public.cogo_memories m
     where m.dimensions = p_dimensions and m.embedded_at is not null
     order by m.content_sha256, m.id
    on conflict do nothing;
  else
    insert into cogo.unindexed_embeddings (id, owner)
    select e.id, cogo.owner_key(e.owner)
      from public.cogo_embeddings e where e.dimensions = p_dimensions
    on conflict do nothing;
  end if;
end;
$$;
comment on function cogo.recall_vectors is
  'Ask again for the vectors of a table that has lost them.';

create or replace function cogo.build_vector_table(p_what text, p_dimensions integer)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_types constant text := cogo.find_vector_types();
  v_table constant text := 'cogo.' || quote_ident(p_what || '_vectors_' || p_dimensions);
  v_texts constant text := case p_what when 'memory' then 'cogo_memories' else 'cogo_embeddings' end;
begin
  if to_regclass(v_table) is not null then
    execute format('drop table %s', v_table);
    perform cogo.recall_vectors(p_what, p_dimensions);
  end if;
  execute format(
    'create table %s (
       id uuid not null primary key references public.%I (id) on delete cascade,
       owner uuid not null, model_id text not null, simulated boolean not null,
       kind text not null, source text collate "C", vector %s.halfvec(%s) not null
     ) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)',
    v_table, v_texts, v_types, p_dimensions
  );
  execute format(
    'comment on table %s is %L', v_table,
    format('Vectors of %s dimensions. Made by cogo.prepare_vectors().', p_dimensions)
  );
  execute format('alter table %s enable row level security', v_table);
  execute format('revoke all on %s from public, anon, authenticated, service_role', v_table);
  execute format('grant select, insert, update, delete on %s to service_role', v_table);
  -- In the row itself, as long as it fits into a page: searches read them all.
  if p_dimensions <= 3900 then
    execute format('alter table %s alter column vector set storage plain', v_table);
  end if;
  execute format('create index on %s (owner, kind, source)', v_table);
  -- The most that an index can have.
  if p_dimensions <= 4000 then
    execute format(
      'create index on %s using hnsw (vector %s.halfvec_cosine_ops)', v_table, v_types
    );
  end if;
end;
$$;
comment on function cogo.build_vector_table is
  'Create the table of the vectors with so many dimensions, with its indexes.';

-- Security definer: only the owner of the schema creates tables. All that a caller says is a number.
create or replace function cogo.prepare_vectors(p_what text, p_dimensions integer)
  returns regclass language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if p_what not in ('memory', 'embedding') or cogo.find_vector_types() is null
     or not coalesce(p_dimensions between 1 and 16000, false) then
    return null;
  end if;
  if cogo.find_vector_table(p_what, p_dimensions) is null then
    perform pg_advisory_xact_lock(hashtextextended('cogo vectors:' || p_what || p_dimensions, 0));
    if cogo.find_vector_table(p_what, p_dimensions) is null then
      perform cogo.build_vector_table(p_what, p_dimensions);
    end if;
  end if;
  return cogo.find_vector_table(p_what, p_dimensions);
end;
$$;
comment on function cogo.prepare_vectors is
  'Return the table of the vectors with so many dimensions, created if need be; null if pgvector is not
installed or has no such vectors.';

create or replace function cogo.write_vector(
  p_table regclass, p_id uuid, p_owner uuid, p_model_id text, p_simulated boolean, p_kind text,
  p_source text, p_vector real[]
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  execute format(
    'insert into %s (id, owner, model_id, simulated, kind, source, vector)
     values ($1, $2, $3, $4, $5, $6, %2$s.l2_normalize($7::%2$s.vector)::%2$s.halfvec)
     on conflict (id) do update
       set model_id = excluded.model_id, simulated = excluded.simulated, source = excluded.source,
           vector = excluded.vector',
    p_table, cogo.find_vector_types()
  ) using p_id, cogo.owner_key(p_owner), p_model_id, p_simulated, p_kind, p_source, p_vector;
end;
$$;
comment on function cogo.write_vector is
  'Store a vector in a table of cogo.prepare_vectors(). Raises what pgvector raises.';

create or replace function cogo.delete_vector(p_what text, p_id uuid, p_dimensions integer)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if cogo.find_vector_table(p_what, p_dimensions) is not null then
    execute format(
      'delete from %s where id = $1', cogo.find_vector_table(p_what, p_dimensions)
    ) using p_id;
  end if;
end;
$$;
comment on function cogo.delete_vector is 'Delete the vector of a memory or a stored text.';

create or replace function cogo.change_vector_source(p_id uuid, p_dimensions integer, p_source text)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if cogo.find_vector_table('memory', p_dimensions) is not null then
    execute format(
      'update %s set source = $2 where id = $1', cogo.find_vector_table('memory', p_dimensions)
    ) using p_id, p_source;
  end if;
end;
$$;
comment on function cogo.change_vector_source is 'Change the source by which a vector is filtered.';
