-- Beginnings of late calls.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function cogo.record_calls(p_agent_id text, p_calls jsonb, p_late uuid[])
 RETURNS public.cogo_calls[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_item jsonb;
  v_call public.cogo_calls;
  v_reserved cogo.reservations;
  v_recorded public.cogo_calls[] := '{}';
begin
  -- A cap that is created later would find these calls in the audit log, and they would count twice.
  perform cogo.create_owner_caps(
    array(
      select cogo.budget_key(cogo.to_uuid(c.value ->> 'owner')) from jsonb_array_elements(p_calls) c
    )
  );
  for v_item in select c.value from jsonb_array_elements(p_calls) c loop
    v_call := jsonb_populate_record(null::public.cogo_calls, cogo.sanitize_usage(v_item));
    delete from cogo.reservations r where r.call_id = v_call.id returning r.* into v_reserved;
    -- Its task may have been deleted, and its attempt lost.
    if v_reserved.call_id is not null then
      v_call.column_id := v_reserved.column_id;
      v_call.project := v_reserved.project;
      v_call.tags := v_reserved.tags;
      v_call.started_at := v_reserved.made_at;
    else
      -- It began when what was lost did, else only the caller knows the duration.
      select f.column_id, f.project, f.tags, f.started_at
        into v_call.column_id, v_call.project, v_call.tags, v_call.started_at
        from (
          select c.column_id, c.project, c.tags, c.started_at
            from public.cogo_calls c where c.id = v_call.id
           union all
          select l.*, null from cogo.find_task_labels(v_call.task_id) l
        ) as f
       limit 1;
      v_call.tags := coalesce(v_call.tags, '{}');
    end if;
    v_call.agent_id := p_agent_id;
    v_call.simulated := coalesce(v_call.simulated, false);
    if v_call.simulated then
      v_call.cost_usd := 0;
    end if;
    v_call.ended_at := cogo.now();
    v_call.started_at := coalesce(
      v_call.started_at,
      cogo.now() - make_interval(secs => coalesce(v_call.duration_ms, 0) / 1000.0)
    );
    insert into public.cogo_calls select v_call.* on conflict do nothing;
    if found then
      v_recorded := v_recorded || v_call;
      if v_call.subtask_id = any (p_late) then
        perform cogo.book_late_call(v_call.subtask_id, v_call.attempt);
      end if;
    end if;
  end loop;
  return v_recorded;
end;
$function$;

insert into cogo.schema_versions (version) values ('20261130132123')
on conflict (version) do nothing;
