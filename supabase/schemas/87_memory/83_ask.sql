create or replace function cogo.ask_embeddings(p_model_id text, p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_owner uuid;
  v_count integer := 0;
begin
  if p_model_id is null or cogo.find_vector_types() is null
     and not exists (select from cogo.vector_indexes) then
    return 0;
  end if;
  perform cogo.free_embeddings();
  perform cogo.queue_embeddings(cogo.find_other_vectors(p_model_id, p_limit));
  -- Each owner in turn, from another one on each time.
  for v_owner in
    with recursive owners as (
      (
        select q.owner from cogo.embedding_queue q
         where q.task_id is null order by q.owner limit 1
      )
      union all
      select (
               select q.owner from cogo.embedding_queue q
                where q.task_id is null and q.owner > o.owner order by q.owner limit 1
             )
        from owners o where o.owner is not null
    )
    select o.owner from owners o where o.owner is not null order by random()
  loop
    exit when v_count >= p_limit;
    v_count := v_count + cogo.ask_embeddings_of(v_owner, p_model_id);
  end loop;
  return v_count;
end;
$$;
comment on function cogo.ask_embeddings is
  'Submit EMBED tasks for memories that need vectors, about p_limit of them; return how many.';

create or replace function cogo.free_embeddings()
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
begin
  v_ids := array(
    select q.memory_id
      from cogo.embedding_queue q
     where q.task_id is not null
       and not exists (
         select from cogo.follow_ups f where f.task_id = q.task_id and f.applied_at is null
       )
     order by q.memory_id
     limit 1000
       for update skip locked
  );
  if v_ids <> '{}' then
    perform cogo.fail_embeddings(v_ids, 'the task for its vector was deleted');
  end if;
end;
$$;
comment on function cogo.free_embeddings is 'Let memories wait again whose tasks are gone.';

create or replace function cogo.ask_embeddings_of(p_owner uuid, p_model_id text)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_owner constant uuid := nullif(p_owner, cogo.owner_key(null));
  v_dimensions constant integer := coalesce(
    (
      select m.dimensions from public.cogo_memories m
       where m.model_id = p_model_id order by m.seq desc limit 1
    ), 4096
  );
  v_ids uuid[];
  v_texts text[];
  v_rules text[];
  v_task uuid;
begin
  if (
    select count(*) from cogo.follow_ups f
     where f.purpose = 'embed' and f.owner is not distinct from v_owner and f.applied_at is null
  ) >= 4 then
    return 0;
  end if;
  with due as (
    select q.memory_id, q.tries, q.seq
      from cogo.embedding_queue q
     where q.owner = p_owner and q.task_id is null and q.due_at <= cogo.now()
     order by q.seq
     -- All vectors of a task are stored as JSON, in 4 MiB at most.
     limit greatest(1, least(64, 4194304 / (v_dimensions * 24 + 8)))
       for update skip locked
  ), alike as (
    -- What failed before is tried with fewer others, and alone at last: only its own text harms it.
    select d.memory_id, d.seq, concat_ws(chr(10), m.heading, m.content) as content,
           row_number() over (order by d.seq) as nth,
           case first_value(d.tries) over (order by d.seq)
             when 0 then 64 when 1 then 64 when 2 then 8 else 1
           end as most,
           d.tries = first_value(d.tries) over (order by d.seq)
             and m.data_policy = first_value(m.data_policy) over (order by d.seq) as is_alike,
           m.data_policy
      from due d join public.cogo_memories m on m.id = d.memory_id
  ), sized as (
    select a.*, sum(octet_length(a.content)) over (order by a.seq) as bytes
      from alike a where a.is_alike
  )
  select array_agg(s.memory_id order by s.seq), array_agg(s.content order by s.seq),
         min(s.data_policy)
    into v_ids, v_texts, v_rules
    from sized s where s.nth <= s.most and (s.nth = 1 or s.bytes <= 400000);
  if v_ids is null then
    return 0;
  end if;
  begin
    v_task := cogo.submit_follow_up(
      'embed', v_owner, 'EMBED', format('memory: %s texts', cardinality(v_ids)),
      jsonb_build_object('input', to_jsonb(v_texts)), p_model_id,
      jsonb_build_object('ids', to_jsonb(v_ids), 'model_id', p_model_id),
      case v_rules when '{}' then '{}' else jsonb_build_object('data_policy', v_rules) end
    );
  exception
    when sqlstate 'TQ004' or sqlstate 'TQ007' or sqlstate 'TQ008' or sqlstate 'TQ009' then
      perform cogo.fail_embeddings(v_ids, sqlerrm);
      return 0;
  end;
  update cogo.embedding_queue q set task_id = v_task where q.memory_id = any (v_ids);
  return cardinality(v_ids);
end;
$$;
comment on function cogo.ask_embeddings_of is
  'Submit an EMBED task for memories of one owner; return how many they are.';

-- Else each would embed anew what the other has embedded, without end, and both be paid.
create or replace function cogo.find_rival(p_agent_id text, p_model_id text)
  returns text language sql stable set search_path = pg_catalog, pg_temp
as $$
  select a.id || ' embeds memory with ' || (a.details ->> 'memory_model')
    from public.cogo_agents a join public.cogo_agents own on own.id = p_agent_id
   where a.kind = 'orchestrator' and a.stopped_at is null
     and a.heartbeat_at > cogo.now() - interval '30 seconds'
     and (a.started_at, a.id) < (own.started_at, own.id)
     and a.details ->> 'memory_model' <> p_model_id
   order by a.started_at, a.id
   limit 1;
$$;
comment on function cogo.find_rival is
  'Return which running orchestrator, that began earlier, embeds memory with another model; else null.';
