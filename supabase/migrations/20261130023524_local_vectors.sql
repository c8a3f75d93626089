-- Local vectors.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

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
   where p_is_deleted or m.embedded_at is not null and not 'local-only' = any (m.data_policy)
   order by x.name, i.id
  on conflict (index_name, memory_id) do update
    set owner = excluded.owner, is_deleted = excluded.is_deleted, seq = null,
        created_at = excluded.created_at, tries = 0, due_at = excluded.due_at, error = null;
end;
$function$;

create or replace function public.cogo_register_index(p_index text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;

comment on column cogo.model_outcomes.called is
  'Attempts in which the model called tools, answered or not. calls_repaired, calls_rejected and
calls_as_text are sums of the shares of their calls; calls_failed are those that ended with
bad_tool_calls.';

insert into cogo.schema_versions (version) values ('20261130023524')
on conflict (version) do nothing;
