-- Security definer: who remembers need not have rights on what a memory is found by.
create or replace function cogo.index_memories()
  returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  insert into cogo.memory_words (memory_id, owner, kind, source, words)
  select n.id, cogo.owner_key(n.owner), n.kind, n.source,
         cogo.split_words(concat_ws(chr(10), n.heading, n.content))
    from new_rows n
   order by n.seq;
  insert into cogo.embedding_queue (memory_id, owner, seq)
  select n.id, cogo.owner_key(n.owner), n.seq from new_rows n order by n.seq;
  return null;
end;
$$;
comment on function cogo.index_memories is
  'Store the words of new memories, and ask for their vectors.';
create or replace trigger index_words
  after insert on public.cogo_memories
  referencing new table as new_rows
  for each statement execute function cogo.index_memories();

-- Security definer: see cogo.index_memories().
create or replace function cogo.follow_memory_source()
  returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  update cogo.memory_words w set source = new.source where w.memory_id = new.id;
  perform cogo.change_vector_source(new.id, new.dimensions, new.source);
  return null;
end;
$$;
comment on function cogo.follow_memory_source is 'Keep what searches filter by as the memory has it.';
create or replace trigger follow_source
  after update of source on public.cogo_memories
  for each row when (old.source is distinct from new.source)
  execute function cogo.follow_memory_source();

-- Security definer: see cogo.index_memories().
create or replace function cogo.note_forgotten()
  returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.note_vector_changes(array_agg(o.id), o.owner, true)
     from old_rows o where o.embedded_at is not null group by o.owner order by o.owner;
  return null;
end;
$$;
comment on function cogo.note_forgotten is 'Note for outer indexes which memories are gone.';
create or replace trigger note_forgotten
  after delete on public.cogo_memories
  referencing old table as old_rows
  for each statement execute function cogo.note_forgotten();
