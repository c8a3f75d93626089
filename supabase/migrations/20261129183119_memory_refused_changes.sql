-- Memory refused changes.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

alter table cogo.vector_changes add column due_at timestamp with time zone default cogo.now() not null;

alter table cogo.vector_changes add column error text;

alter table cogo.vector_changes add column tries integer default 0 not null;

create or replace function cogo.note_vector_changes(p_ids uuid[], p_owner uuid, p_is_deleted boolean)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('cogo vector indexes', 0));
  insert into cogo.vector_changes as c (index_name, memory_id, owner, is_deleted)
  select x.name, i.id, p_owner, p_is_deleted
    from cogo.vector_indexes x
   cross join (select distinct u.id from unnest(p_ids) as u (id)) as i
    left join public.cogo_memories m on m.id = i.id
   where p_is_deleted or m.embedded_at is not null
   order by x.name, i.id
  on conflict (index_name, memory_id) do update
    set owner = excluded.owner, is_deleted = excluded.is_deleted, seq = null,
        created_at = excluded.created_at, tries = 0, due_at = excluded.due_at, error = null;
end;
$function$;

create or replace function public.cogo_confirm_vector_changes(p_index text, p_through bigint, p_agent_id text DEFAULT NULL::text, p_refused bigint[] DEFAULT '{}'::bigint[], p_problem text DEFAULT NULL::text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

create or replace function public.cogo_list_vector_changes(p_index text, p_limit integer DEFAULT 200, p_agent_id text DEFAULT NULL::text, p_lease_seconds integer DEFAULT 120)
 RETURNS TABLE(seq bigint, id uuid, owner uuid, is_deleted boolean, vector real[], model_id text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

drop function public.cogo_memory_status(uuid,boolean);

create or replace function public.cogo_memory_status(p_owner uuid DEFAULT NULL::uuid, p_every_owner boolean DEFAULT false)
 RETURNS TABLE(facts bigint, documents bigint, chunks bigint, embedded bigint, waiting bigint, failed bigint, models text[], waiting_since timestamp with time zone, last_error text, can_embed boolean, index_waiting bigint, index_refused bigint, index_error text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_owner constant uuid := cogo.resolve_owner(p_owner);
  v_all constant boolean := coalesce(p_every_owner, false) and cogo.is_operator();
begin
  select count(*) filter (where m.kind = 'fact'), count(*) filter (where m.kind = 'chunk'),
         count(*) filter (where m.embedded_at is not null),
         count(*) filter (where m.error is not null),
         array_agg(distinct m.model_id) filter (where m.model_id is not null),
         (array_agg(m.error order by m.seq desc) filter (where m.error is not null))[1]
    into facts, chunks, embedded, failed, models, last_error
    from public.cogo_memories m
   where v_all or m.owner is not distinct from v_owner;
  select count(*) into documents from public.cogo_documents d
   where v_all or d.owner is not distinct from v_owner;
  select count(*), min(m.created_at) into waiting, waiting_since
    from cogo.embedding_queue q join public.cogo_memories m on m.id = q.memory_id
   where v_all or q.owner = cogo.owner_key(v_owner);
  models := coalesce(models, '{}');
  can_embed := cogo.find_vector_types() is not null
    or exists (select from cogo.vector_indexes);
  select count(*), count(*) filter (where c.tries > 0),
         (array_agg(c.error order by c.tries desc) filter (where c.tries > 0))[1]
    into index_waiting, index_refused, index_error
    from cogo.vector_changes c
   where v_all or c.owner is not distinct from v_owner;
  return next;
end;
$function$;

drop function public.cogo_confirm_vector_changes(text,bigint,text);

comment on column cogo.vector_changes.tries is
  'How often the index has refused it; it is listed again at due_at.';

comment on function public.cogo_confirm_vector_changes(text,bigint,text,bigint[],text) is
  'Note that an outer index has made all changes up to a seq but those that it has refused, of any seq,
which stay due and are listed again later; false if another agent leases it now.';

comment on function public.cogo_memory_status(uuid,boolean) is
  'Count what an owner (operators: p_every_owner: all) has in memory, and what waits for a vector.
can_embed: whether vectors are kept at all, here or in another index. index_waiting: changes that outer
indexes have not made yet; index_refused: those that they refuse, and are asked for again.';

revoke all on function public.cogo_confirm_vector_changes(text,bigint,text,bigint[],text) from public, anon, authenticated, service_role;

grant execute on function public.cogo_confirm_vector_changes(text,bigint,text,bigint[],text) to service_role;

revoke all on function public.cogo_memory_status(uuid,boolean) from public, anon, authenticated, service_role;

grant execute on function public.cogo_memory_status(uuid,boolean) to authenticated;

grant execute on function public.cogo_memory_status(uuid,boolean) to service_role;

insert into cogo.schema_versions (version) values ('20261129183119')
on conflict (version) do nothing;
