-- Each of these erases a batch of one kind and returns the rows by table; {} means that nothing is left
-- to do. Each batch is a transaction of one kind of locks.

create or replace function cogo.count_parts(p_via text, p_ids uuid[])
  returns jsonb language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_counts jsonb := '{}';
  v_rule record;
  v_number bigint;
begin
  for v_rule in
    select r.* from cogo.list_erasure_rules() r where r.via = p_via and r.fate = 'delete'
  loop
    execute format('select count(*) from %s t where t.%I = any ($1)', v_rule.name, v_rule.col)
      into v_number using p_ids;
    v_counts := cogo.add_counts(v_counts, jsonb_build_object(v_rule.name, v_number));
  end loop;
  return v_counts;
end;
$$;
comment on function cogo.count_parts is
  'Return the number of rows that go with tasks, subtasks or memories of these ids, by table.';

create or replace function cogo.cancel_erased(p_owner uuid, p_project text, p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids constant uuid[] := array(
    select t.id from public.cogo_tasks t
     where (t.owner = p_owner or t.project = p_project)
       and t.finished_at is null and t.parent_task_id is null
     order by t.seq limit p_limit
  );
  v_reason constant text := case when p_owner is null then 'its project is erased'
                                 else 'its owner is erased' end;
  v_id uuid;
begin
  foreach v_id in array v_ids loop
    begin
      perform public.cogo_cancel_task(v_id, v_reason);
    exception
      when sqlstate 'TQ002' or sqlstate 'TQ003' then
        null;  -- it has ended meanwhile
    end;
  end loop;
  return cardinality(v_ids);
end;
$$;
comment on function cogo.cancel_erased is
  'Cancel open tasks of an owner or a project; return how many.';

create or replace function cogo.erase_memory(p_owner uuid, p_limit integer)
  returns jsonb language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[] := array(
    select m.id from public.cogo_memories m where m.owner = p_owner order by m.seq limit p_limit
  );
  v_counts jsonb;
begin
  if cardinality(v_ids) > 0 then
    -- Answers that may cite them go with the first ones.
    v_counts := cogo.add_counts(cogo.count_parts('memory', v_ids), jsonb_build_object(
      'cogo.cached_answers',
      (select count(*) from cogo.cached_answers c where c.owner = p_owner)
    ));
    perform public.cogo_forget_memory(p_owner => p_owner, p_ids => v_ids);
    return cogo.add_counts(
      v_counts, jsonb_build_object('public.cogo_memories', cardinality(v_ids))
    );
  end if;
  v_ids := array(select d.id from public.cogo_documents d where d.owner = p_owner limit p_limit);
  if cardinality(v_ids) > 0 then
    perform public.cogo_forget_memory(p_owner => p_owner, p_ids => v_ids);
    return jsonb_build_object('public.cogo_documents', cardinality(v_ids));
  end if;
  if exists (select from cogo.document_parts d where d.owner = p_owner) then
    select jsonb_build_object('cogo.document_parts', count(*)) into v_counts
      from cogo.document_parts d where d.owner = p_owner;
    perform public.cogo_forget_memory(p_owner => p_owner, p_before => 'infinity');
    return v_counts;
  end if;
  v_ids := array(select e.id from public.cogo_embeddings e where e.owner = p_owner limit p_limit);
  v_counts := cogo.add_counts('{}', jsonb_build_object(
    'public.cogo_embeddings', cardinality(v_ids),
    'cogo.unindexed_embeddings',
    (select count(*) from cogo.unindexed_embeddings u where u.id = any (v_ids))
  ));
  delete from public.cogo_embeddings e where e.id = any (v_ids);
  return v_counts;
end;
$$;
comment on function cogo.erase_memory is
  'Erase memories, then documents, then embeddings of an owner; outer indexes are told.';

create or replace function cogo.erase_sessions(p_owner uuid, p_limit integer)
  returns jsonb language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids constant uuid[] := array(
    select e.id from public.cogo_sessions e where e.owner = p_owner order by e.seq limit p_limit
  );
  v_counts jsonb;
begin
  if cardinality(v_ids) = 0 then
    return '{}';
  end if;
  select jsonb_build_object(
           'public.cogo_sessions', count(*),
           'public.cogo_messages', (
             select count(*) from public.cogo_messages m
              where m.owner = p_owner and m.session_id = any (v_ids)
           ),
           'cogo.session_summaries', count(s.session_seq)
         )
    into v_counts
    from public.cogo_sessions e left join cogo.session_summaries s on s.session_seq = e.seq
   where e.owner = p_owner and e.id = any (v_ids);
  perform public.cogo_forget_sessions(p_owner => p_owner, p_ids => v_ids);
  return cogo.add_counts('{}', v_counts);
end;
$$;
comment on function cogo.erase_sessions is
  'Erase sessions of an owner with their messages and summaries; copies in Redis are told.';

create or replace function cogo.erase_tasks(p_owner uuid, p_project text, p_limit integer)
  returns jsonb language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_roots constant uuid[] := array(
    select t.id from public.cogo_tasks t
     where (t.owner = p_owner or t.project = p_project)
       and t.parent_task_id is null and t.finished_at is not null
       -- Agents still have to learn what became of their leases.
       and not exists (
         select from cogo.subtasks s where s.task_id = t.id and s.status = 'running'
       )
       and not exists (
         select from cogo.child_tasks k join cogo.subtasks s on s.task_id = k.child_id
          where k.root_id = t.id and s.finished_at is null
       )
     order by t.seq limit p_limit
       for update skip locked
  );
  v_ids constant uuid[] := v_roots || array(
    select k.child_id from cogo.child_tasks k where k.root_id = any (v_roots)
  );
  v_steps constant uuid[] := array(select s.id from cogo.subtasks s where s.task_id = any (v_ids));
  v_counts jsonb;
begin
  if cardinality(v_roots) = 0 then
    return '{}';
  end if;
  v_counts := cogo.add_counts(
    cogo.add_counts(cogo.count_parts('task', v_ids), cogo.count_parts('subtask', v_steps)),
    jsonb_build_object('public.cogo_tasks', cardinality(v_ids))
  );
  delete from cogo.wakes w where w.child_id = any (v_ids);
  delete from cogo.outcomes o where o.subtask_id = any (v_steps);
  delete from cogo.ai_refusals r where r.task_id = any (v_ids);
  delete from public.cogo_tasks t where t.id = any (v_roots);
  return v_counts;
end;
$$;
comment on function cogo.erase_tasks is
  'Erase ended tasks of an owner or a project, with their child tasks and all that belongs to them.';
