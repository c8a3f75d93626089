create or replace function cogo.read_vector(p_vector jsonb)
  returns real[] language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_vector real[];
begin
  v_vector := array(
    select e.value::real
      from jsonb_array_elements_text(p_vector) with ordinality as e (value, place) order by e.place
  );
  if exists (select from unnest(v_vector) v where v in ('NaN', 'Infinity', '-Infinity'))
     or not exists (select from unnest(v_vector) v where v <> 0) then
    return null;
  end if;
  return v_vector;
exception
  when data_exception then
    return null;
end;
$$;
comment on function cogo.read_vector is
  'Return a vector from JSON; null unless it is one of finite numbers that are not all 0.';

create or replace function cogo.store_memory_vector(p_memory public.cogo_memories, p_vector real[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_dimensions constant integer := cardinality(p_vector);
  v_table constant regclass := cogo.prepare_vectors('memory', v_dimensions);
begin
  if v_table is null then
    -- Kept for outer indexes, if there are any, and until pgvector is installed.
    insert into cogo.memory_vectors as v (id, vector) values (p_memory.id, p_vector)
    on conflict (id) do update set vector = excluded.vector, error = null;
  else
    perform cogo.write_vector(
      v_table, p_memory.id, p_memory.owner, p_memory.model_id, p_memory.simulated, p_memory.kind,
      p_memory.source, p_vector
    );
    delete from cogo.memory_vectors v where v.id = p_memory.id;
  end if;
end;
$$;
comment on function cogo.store_memory_vector is 'Store the vector of a memory that says what made it.';

create or replace function cogo.read_memory_vectors(p_ids uuid[], p_dimensions integer)
  returns table (id uuid, "vector" real[])
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_table constant regclass := cogo.find_vector_table('memory', p_dimensions);
begin
  return query
    select v.id, v.vector from cogo.memory_vectors v
     where v.id = any (p_ids) and cardinality(v.vector) = p_dimensions;
  if v_table is not null then
    return query execute format(
      'select v.id, v.vector::real[] from %s v where v.id = any ($1)', v_table
    ) using p_ids;
  end if;
end;
$$;
comment on function cogo.read_memory_vectors is
  'Return the vectors of memories that have so many dimensions.';

-- Kept vectors come to pgvector where it has been installed since, a few at a time.
create or replace function cogo.move_vectors(p_limit integer)
  returns table (moved integer, problem text)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_row record;
begin
  moved := 0;
  if cogo.find_vector_types() is null then
    return next;
    return;
  end if;
  for v_row in
    select m as memory, v.vector
      from cogo.memory_vectors v join public.cogo_memories m on m.id = v.id
     where cardinality(v.vector) <= 16000 and v.error is null
     order by m.content_sha256, m.id
     limit p_limit
       for update of m skip locked
  loop
    begin
      perform cogo.store_memory_vector(v_row.memory, v_row.vector);
      moved := moved + 1;
    exception
      when data_exception or program_limit_exceeded then
        -- It stays for outer indexes; its memory is found by its words.
        problem := 'a vector of memory cannot be moved to pgvector: ' || left(sqlerrm, 500);
        update cogo.memory_vectors v
           set error = left(sqlerrm, 2000) where v.id = (v_row.memory).id;
      when others then
        problem := 'vectors of memory cannot be moved to pgvector: ' || left(sqlerrm, 500);
    end;
  end loop;
  moved := moved + cogo.index_kept_embeddings(p_limit);
  return next;
end;
$$;
comment on function cogo.move_vectors is
  'Move vectors that were stored before pgvector was installed; return how many, and the last problem.
One that cannot be moved harms no other, and is not tried again before it is made anew.';
