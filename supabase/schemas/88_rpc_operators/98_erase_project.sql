create or replace function public.cogo_erase_project(
  p_project text, p_limit integer default 100, p_requested_by text default null,
  p_dry_run boolean default false
)
  returns jsonb language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_project constant text := cogo.clean_label(p_project);
  v_subject constant text := 'project:' || v_project;
  v_limit constant integer := least(greatest(coalesce(p_limit, 100), 1), 1000);
  v_cancelled integer;
  v_memories uuid[];
  v_counts jsonb := '{}';
  v_number bigint;
begin
  if v_project is null then
    raise exception using errcode = 'TQ004', message = 'p_project must name a project';
  elsif length(p_requested_by) > 200 then
    raise exception using errcode = 'TQ008', message = 'p_requested_by has more than 200 characters';
  elsif p_dry_run then
    return jsonb_build_object('is_done', false, 'erased', cogo.count_of_project(v_project));
  end if;
  perform cogo.set_operator(p_requested_by, null);
  if cogo.begin_erasure(v_subject, p_requested_by) then
    execute 'delete from cogo.cached_answers t where '
            || cogo.build_project_condition('owners', 'owner') using v_project;
    get diagnostics v_number = row_count;
    if v_number > 0 then
      return cogo.add_erased(v_subject, jsonb_build_object('cogo.cached_answers', v_number));
    end if;
  end if;
  -- One kind a call, as for owners.
  v_cancelled := cogo.cancel_erased(null, v_project, v_limit);
  if v_cancelled > 0 then
    return jsonb_build_object('is_done', false, 'cancelled', v_cancelled, 'erased', '{}'::jsonb);
  end if;
  v_memories := array(
    select m.id
      from public.cogo_memories m join public.cogo_tasks t on t.id = m.task_id
     where t.project = v_project limit v_limit * 10
  );
  if cardinality(v_memories) > 0 then
    v_counts := cogo.add_counts(
      cogo.count_parts('memory', v_memories),
      jsonb_build_object('public.cogo_memories', cardinality(v_memories))
    );
    perform public.cogo_forget_memory(p_every_owner => true, p_ids => v_memories);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.erase_conversations(v_project, v_limit * 10);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.erase_tasks(null, v_project, v_limit);
  end if;
  if v_counts = '{}' then
    select count(*) into v_number from public.cogo_tasks t where t.project = v_project;
    if v_number > 0 then
      return jsonb_build_object('is_done', false, 'waiting', v_number, 'erased', '{}'::jsonb);
    end if;
    v_counts := cogo.erase_settings(v_project);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.forget_project(v_project, v_limit * 10);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.count_of_project(v_project);  -- of rows that somebody else has locked
    if v_counts = '{}' then
      return cogo.close_erasure(v_subject, jsonb_build_object('project', v_project));
    end if;
    return jsonb_build_object('is_done', false, 'left', v_counts, 'erased', '{}'::jsonb);
  end if;
  return cogo.add_erased(v_subject, v_counts);
end;
$$;
comment on function public.cogo_erase_project is
  'For operators: erase a batch of all that belongs to a project: its tasks with what they said and
remembered, its keys, members and caps. Call it until is_done, as cogo_erase_owner(). What its owners
and members have elsewhere stays; calls stay without project, tasks and prompts. p_dry_run only counts.';
