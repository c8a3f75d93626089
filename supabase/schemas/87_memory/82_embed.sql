-- One call of cogo_run_memory() holds memories of many tasks, in no order: so it never waits for one.
create or replace function cogo.queue_embeddings(p_ids uuid[])
  returns void language sql set search_path = pg_catalog, pg_temp
as $$
  insert into cogo.embedding_queue (memory_id, owner, seq)
  select f.id, cogo.owner_key(f.owner), f.seq
    from (
      select m.id, m.owner, m.seq
        from public.cogo_memories m where m.id = any (p_ids) order by m.content_sha256, m.id
         for key share skip locked
    ) as f
  on conflict do nothing;
$$;
comment on function cogo.queue_embeddings is
  'Ask for vectors of memories that nobody has locked, by the next calls.';

create or replace function cogo.retry_embeddings(p_document_id uuid)
  returns void language sql set search_path = pg_catalog, pg_temp
as $$
  update cogo.embedding_queue q
     set due_at = cogo.now()
    from (
      select e.memory_id
        from cogo.embedding_queue e join public.cogo_memories m on m.id = e.memory_id
       where m.document_id = p_document_id and m.error is not null
         for update of e skip locked
    ) as free
   where q.memory_id = free.memory_id;
  select cogo.queue_embeddings(
    array(
      select m.id from public.cogo_memories m
       where m.document_id = p_document_id and m.error is not null
    )
  );
$$;
comment on function cogo.retry_embeddings is
  'Ask again, at once, for the vectors of a document that were asked for in vain.';

create or replace function cogo.fail_embeddings(p_ids uuid[], p_reason text)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  update cogo.embedding_queue q
     set task_id = null, tries = q.tries + 1,
         due_at = cogo.now() + cogo.retry_interval(60 * power(5, q.tries)::numeric)
    from (
      select e.memory_id
        from cogo.embedding_queue e where e.memory_id = any (p_ids) for update skip locked
    ) as free
   where q.memory_id = free.memory_id;
  -- The last wait is a day, and so are those after it.
  with free as materialized (
    select m.id, e.tries
      from cogo.embedding_queue e join public.cogo_memories m on m.id = e.memory_id
     where e.memory_id = any (p_ids) and e.tries >= 5
       for no key update skip locked
  ), given_up as (
    delete from cogo.embedding_queue q using free f where q.memory_id = f.id and f.tries >= 12
  )
  update public.cogo_memories m
     set error = left(p_reason, 2000) from free f where m.id = f.id;
end;
$$;
comment on function cogo.fail_embeddings is
  'Note that memories got no vector: they are tried again, later and with fewer others;
after five times they have an error, and are tried once a day for a week.';

create or replace function cogo.apply_embed(
  p_follow_up cogo.follow_ups, p_task public.cogo_tasks
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids constant uuid[] := array(
    select i.id::uuid
      from jsonb_array_elements_text(p_follow_up.refs -> 'ids') with ordinality as i (id, place)
     order by i.place
  );
  -- Read once: each look into a stored result decompresses all of it.
  v_vectors constant jsonb := coalesce(p_task.result -> 'embeddings', '[]') || '[]';
  v_memory public.cogo_memories;
  v_vector real[];
begin
  if p_task.status <> 'completed' then
    perform cogo.fail_embeddings(
      v_ids, coalesce(p_task.error ->> 'message', 'its task has ' || p_task.status)
    );
    return;
  end if;
  for v_memory in
    select m.* from public.cogo_memories m
     where m.id = any (v_ids) order by m.content_sha256, m.id
       for no key update nowait
  loop
    v_vector := cogo.read_vector(v_vectors -> (array_position(v_ids, v_memory.id) - 1));
    if v_vector is null then
      perform cogo.fail_embeddings(
        array[v_memory.id], 'the model gave no vector of finite numbers that are not all 0'
      );
      continue;
    end if;
    if v_memory.dimensions <> cardinality(v_vector) then
      perform cogo.delete_vector('memory', v_memory.id, v_memory.dimensions);
    end if;
    update public.cogo_memories m
       set model_id = p_follow_up.refs ->> 'model_id', dimensions = cardinality(v_vector),
           simulated = p_task.simulated, embedded_at = cogo.now(), error = null
     where m.id = v_memory.id
    returning m.* into v_memory;
    perform cogo.store_memory_vector(v_memory, v_vector);
  end loop;
  delete from cogo.embedding_queue q
   using public.cogo_memories m
   where q.memory_id = any (v_ids) and q.task_id = p_task.id and m.id = q.memory_id;
  perform cogo.note_vector_changes(v_ids, p_follow_up.owner, false);
  if not p_task.simulated then
    -- What the simulator made is not compared with real vectors.
    perform cogo.queue_embeddings(
      array(
        select m.id from public.cogo_memories m
         where m.simulated and m.owner is not distinct from p_follow_up.owner
         limit 1000
      )
    );
  end if;
end;
$$;
comment on function cogo.apply_embed is 'Store the vectors that a task gave for memories.';

-- An executor that restarts comes back: meanwhile another model may be the first that is served, but
-- everything embedded by it, and back again, would be paid twice.
create or replace function cogo.find_absent_models()
  returns text[] language sql stable set search_path = pg_catalog, pg_temp
as $$
  select array(
    select substr(l.lane, length('tools:cogo.embeddings/') + 1)
      from public.cogo_agents a cross join unnest(a.lanes) as l (lane)
     where a.kind = 'executor' and a.heartbeat_at > cogo.now() - interval '1 hour'
       and l.lane like 'tools:cogo.embeddings/%'
     group by l.lane
    having not bool_or(
      a.stopped_at is null and a.heartbeat_at > cogo.now() - interval '30 seconds'
    )
  );
$$;
comment on function cogo.find_absent_models is
  'Return the embedding models that were served in the last hour and that nobody serves now.';

create or replace function cogo.find_other_vectors(p_model_id text, p_limit integer)
  returns uuid[] language sql stable set search_path = pg_catalog, pg_temp
as $$
  select array(
    select o.id
      from (
        (
          select m.id, m.model_id, m.error
            from public.cogo_memories m where m.model_id < p_model_id
        )
        union all
        (
          select m.id, m.model_id, m.error
            from public.cogo_memories m where m.model_id > p_model_id
        )
      ) as o
     where o.error is null and o.model_id <> all ((select cogo.find_absent_models())::text[])
       and not exists (select from cogo.embedding_queue q where q.memory_id = o.id)
     limit p_limit
  );
$$;
comment on function cogo.find_other_vectors is
  'Return memories whose vectors another model made that is not away for a moment, and that wait for
no new ones.';
