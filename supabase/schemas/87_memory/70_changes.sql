-- Writers share a lock that registering takes alone: what is there then is either listed as all that
-- is there, or noted by its writer.
-- An index may be elsewhere, so it gets nothing of tasks that are local-only: words find that.
create or replace function cogo.note_vector_changes(p_ids uuid[], p_owner uuid, p_is_deleted boolean)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('cogo vector indexes', 0));
  insert into cogo.vector_changes as c (index_name, memory_id, owner, is_deleted)
  select x.name, i.id, p_owner, p_is_deleted
    from cogo.vector_indexes x
   cross join (select distinct u.id from unnest(p_ids) as u (id)) as i
    left join public.cogo_memories m on m.id = i.id
   where p_is_deleted or m.embedded_at is not null and not 'local-only' = any (m.data_policy)
   order by x.name, i.id
  on conflict (index_name, memory_id) do update
    set owner = excluded.owner, is_deleted = excluded.is_deleted, seq = null,
        created_at = excluded.created_at, tries = 0, due_at = excluded.due_at, error = null;
end;
$$;
comment on function cogo.note_vector_changes is
  'Note for all outer indexes that memories of an owner have a new vector, or are gone.';

create or replace function public.cogo_register_index(p_index text)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(p_index, '') !~ '^[A-Za-z0-9][A-Za-z0-9:._/-]{0,254}$' then
    raise exception using errcode = 'TQ004',
      message = 'p_index must be a name: letters, digits and :._/-';
  end if;
  if exists (select from cogo.vector_indexes x where x.name = p_index) then
    return;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('cogo vector indexes', 0));
  insert into cogo.vector_indexes (name) values (p_index) on conflict do nothing;
  if found then
    insert into cogo.vector_changes (index_name, memory_id, owner, is_deleted)
    select p_index, m.id, m.owner, false
      from public.cogo_memories m
     where m.embedded_at is not null and not 'local-only' = any (m.data_policy);
  end if;
end;
$$;
comment on function public.cogo_register_index is
  'Register an outer index of vectors: all that is there becomes a change that it has to make.';

create or replace function public.cogo_list_vector_changes(
  p_index text, p_limit integer default 200, p_agent_id text default null,
  p_lease_seconds integer default 120
)
  returns table (
    seq bigint, id uuid, owner uuid, is_deleted boolean, "vector" real[], model_id text
  )
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_limit constant integer := least(greatest(coalesce(p_limit, 200), 1), 1000);
begin
  -- A copy of the database would write to the index of the original.
  if cogo.instance_problem() is not null then
    return;
  end if;
  update cogo.vector_indexes x
     set agent_id = p_agent_id,
         lease_expires_at = cogo.now()
           + make_interval(secs => least(greatest(coalesce(p_lease_seconds, 120), 1), 3600))
    from (
      select i.name from cogo.vector_indexes i where i.name = p_index for update skip locked
    ) as free
   where x.name = free.name
     and (
       x.lease_expires_at is null or x.lease_expires_at <= cogo.now()
       or x.agent_id is not distinct from p_agent_id
     );
  if not found then
    if not exists (select from cogo.vector_indexes x where x.name = p_index) then
      raise exception using errcode = 'TQ002',
        message = format('there is no index %s: register it first', left(p_index, 100));
    end if;
    return;
  end if;
  -- Numbered when they are seen, which is in the order of commits: none comes later with a lower one.
  update cogo.vector_changes c
     set seq = nextval('cogo.vector_change_numbers')
    from (
      select v.memory_id from cogo.vector_changes v
       where v.index_name = p_index and v.seq is null and v.due_at <= cogo.now()
       order by v.created_at
       limit greatest(
         0, v_limit - (
           select count(*) from cogo.vector_changes n
            where n.index_name = p_index and n.seq is not null
         )
       )
         for update skip locked
    ) as new
   where c.index_name = p_index and c.memory_id = new.memory_id;
  return query
    with changes as materialized (
      select c.seq, c.memory_id, c.owner, c.is_deleted, m.dimensions, m.model_id
        from cogo.vector_changes c
        left join public.cogo_memories m on m.id = c.memory_id
       where c.index_name = p_index and c.seq is not null
       order by c.seq limit v_limit
    ), vectors as materialized (
      select v.id, v.vector
        from (
          select g.dimensions, array_agg(g.memory_id) as ids
            from changes g where not g.is_deleted and g.dimensions is not null group by g.dimensions
        ) as g
       cross join lateral cogo.read_memory_vectors(g.ids, g.dimensions) v
    )
    select g.seq, g.memory_id, g.owner, v.id is null, v.vector,
           case when v.id is not null then g.model_id end
      from changes g left join vectors v on v.id = g.memory_id
     order by g.seq;
end;
$$;
comment on function public.cogo_list_vector_changes is
  'Return the next changes that an outer index has to make, in order of seq: of each memory the newest.
The caller leases the index; while another agent does, there are none.';

create or replace function public.cogo_confirm_vector_changes(
  p_index text, p_through bigint, p_agent_id text default null, p_refused bigint[] default '{}',
  p_problem text default null
)
  returns boolean language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_index cogo.vector_indexes;
begin
  select x.* into v_index from cogo.vector_indexes x where x.name = p_index for no key update;
  if not found then
    raise exception using errcode = 'TQ002',
      message = format('there is no index %s: register it first', left(p_index, 100));
  end if;
  if v_index.agent_id is distinct from p_agent_id then
    return false;
  end if;
  update cogo.vector_changes c
     set seq = null, tries = least(c.tries + 1, 1000), error = left(p_problem, 500),
         due_at = cogo.now()
           + least(cogo.retry_interval(60 * power(2, least(c.tries, 10))::numeric), '1 hour')
    from (
      select v.memory_id from cogo.vector_changes v
       where v.index_name = p_index and v.seq = any (p_refused) for update skip locked
    ) as refused
   where c.index_name = p_index and c.memory_id = refused.memory_id;
  -- One that was noted anew has no number again; one that somebody has locked is noted anew.
  delete from cogo.vector_changes c
   using (
     select v.memory_id from cogo.vector_changes v
      where v.index_name = p_index and v.seq <= p_through
        and v.seq <> all (coalesce(p_refused, '{}'))
        for update skip locked
   ) as made
   where c.index_name = p_index and c.memory_id = made.memory_id;
  return true;
end;
$$;
comment on function public.cogo_confirm_vector_changes is
  'Note that an outer index has made all changes up to a seq but those that it has refused, of any seq,
which stay due and are listed again later; false if another agent leases it now.';
