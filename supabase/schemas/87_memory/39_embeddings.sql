-- The vectors of public.cogo_embeddings stay what clients read, without loss. Searches use a copy of
-- each in pgvector. Those that have none yet, or can have none, are in cogo.unindexed_embeddings.
create or replace function cogo.index_embedding(p_id uuid)
  returns text language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_kept public.cogo_embeddings;
  v_table regclass;
begin
  select e.* into v_kept from public.cogo_embeddings e where e.id = p_id;
  if not found then
    return null;
  end if;
  if not exists (select from unnest(v_kept.vector) v where v <> 0) then
    return 'all of its numbers are 0';
  end if;
  v_table := cogo.prepare_vectors('embedding', v_kept.dimensions);
  if v_table is null then
    return 'pgvector is not installed, or has no vectors of so many dimensions';
  end if;
  perform cogo.write_vector(
    v_table, p_id, v_kept.owner, v_kept.model_id, v_kept.simulated, 'text', v_kept.source,
    v_kept.vector
  );
  return null;
exception
  when data_exception or program_limit_exceeded then
    return sqlerrm;
end;
$$;
comment on function cogo.index_embedding is
  'Copy the vector of a stored text to pgvector; return why that cannot be done.';

-- Security definer: who stores texts need not have rights on what searches use.
create or replace function cogo.index_embeddings()
  returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_problem text := cogo.index_embedding(new.id);
begin
  if v_problem is not null then
    if cogo.find_vector_types() is not null then
      perform cogo.delete_vector('embedding', new.id, new.dimensions);
    end if;
    insert into cogo.unindexed_embeddings as u (id, owner, error)
    values (
      new.id, cogo.owner_key(new.owner),
      case when cogo.find_vector_types() is not null then v_problem end
    )
    on conflict (id) do update set error = excluded.error;
  else
    delete from cogo.unindexed_embeddings u where u.id = new.id;
  end if;
  return null;
end;
$$;
comment on function cogo.index_embeddings is 'Copy the vector of a stored text to pgvector.';
create or replace trigger index_vector
  after insert or update of vector on public.cogo_embeddings
  for each row execute function cogo.index_embeddings();

create or replace function cogo.index_kept_embeddings(p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_id uuid;
  v_problem text;
  v_count integer := 0;
begin
  for v_id in
    select e.id
      from cogo.unindexed_embeddings u join public.cogo_embeddings e on e.id = u.id
     where u.error is null
     limit p_limit
       for update of e skip locked
  loop
    v_problem := cogo.index_embedding(v_id);
    if v_problem is null then
      delete from cogo.unindexed_embeddings u where u.id = v_id;
    else
      update cogo.unindexed_embeddings u set error = v_problem where u.id = v_id;
    end if;
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
comment on function cogo.index_kept_embeddings is
  'Copy vectors to pgvector that were stored before it was installed; return how many.';
