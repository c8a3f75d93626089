create or replace function cogo.find_late_calls(p_calls jsonb)
  returns uuid[] language sql stable set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
  select coalesce(array_agg(late.subtask_id), '{}')
    from jsonb_array_elements(p_calls) c
   -- Not joined: one row is read for each call.
   cross join lateral (
     select a.subtask_id
       from public.cogo_attempts a
      where a.subtask_id = cogo.to_uuid(c.value ->> 'subtask_id')
        and a.attempt = cogo.to_integer(c.value ->> 'attempt')
        and a.ended_at is not null and a.usage is null and cogo.is_calling_lane(a.lane)
     offset 0
   ) as late;
$$;
comment on function cogo.find_late_calls is
  'Return the subtasks of ended calls whose attempts have ended before, without usage.';

-- Tasks are locked before, and budgets after it: what a transaction does between must not wait for a
-- task or an attempt while it holds a budget.
create or replace function cogo.record_calls(p_agent_id text, p_calls jsonb, p_late uuid[])
  returns public.cogo_calls[] language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_item jsonb;
  v_call public.cogo_calls;
  v_reserved cogo.reservations;
  v_recorded public.cogo_calls[] := '{}';
  v_first timestamptz;
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
      v_first := least(v_first, v_call.started_at);
      if v_call.subtask_id = any (p_late) then
        perform cogo.book_late_call(v_call.subtask_id, v_call.attempt);
      end if;
    end if;
  end loop;
  -- Usually false: it is that of hours ago.
  if v_first < (select c.next_at from cogo.usage_clock c) then
    perform cogo.note_usage_changes(array(select r.started_at from unnest(v_recorded) r));
  end if;
  return v_recorded;
end;
$$;
comment on function cogo.record_calls is
  'Write the audit rows of ended calls and free their reservations; return those that were not recorded
before. p_late: what cogo.find_late_calls() has returned. The caller has locked the tasks of these, and
adds the costs with cogo.spend_calls().';

create or replace function cogo.record_calls_isolated(
  p_agent_id text, p_calls jsonb, p_late uuid[], out recorded public.cogo_calls[], out problems jsonb
)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_call jsonb;
  v_one record;
begin
  problems := '[]';
  begin
    recorded := cogo.record_calls(p_agent_id, p_calls, p_late);
    return;
  exception
    when data_exception or integrity_constraint_violation or program_limit_exceeded then
      recorded := '{}';
      if jsonb_array_length(p_calls) = 1 then
        problems := jsonb_build_array(
          jsonb_build_object('id', p_calls -> 0 -> 'id', 'detail', sqlerrm)
        );
        return;
      end if;
  end;
  for v_call in select c.value from jsonb_array_elements(p_calls) c loop
    v_one := cogo.record_calls_isolated(p_agent_id, jsonb_build_array(v_call), p_late);
    recorded := recorded || v_one.recorded;
    problems := problems || v_one.problems;
  end loop;
end;
$$;
comment on function cogo.record_calls_isolated is
  'Call cogo.record_calls(), and return why calls cannot be recorded: {id, detail}.';

create or replace function cogo.spend_calls(p_calls public.cogo_calls[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
  -- A plan for each call would take a third of its time.
  set plan_cache_mode = force_generic_plan
as $$
begin
  if not exists (select from unnest(p_calls) c where c.cost_usd > 0) then
    return;
  end if;
  perform cogo.lock_budgets(
    array_agg(cogo.budget_key(c.owner)), array_agg(c.provider), array_agg(c.column_id),
    array_agg(c.project)
  )
     from unnest(p_calls) c where c.cost_usd > 0;
  update cogo.budgets b
     set spent_usd = b.spent_usd + s.usd
    from (
      select a.scope, a.key, sum(c.cost_usd) as usd
        from unnest(p_calls) c
       cross join lateral (
         values ('total', ''), ('owner', cogo.budget_key(c.owner)), ('provider', c.provider),
                ('column', c.column_id::text), ('project', c.project)
       ) as a (scope, key)
       where c.cost_usd > 0
       group by a.scope, a.key
    ) as s
   where b.scope = s.scope and b.key = s.key;
  insert into cogo.ai_counts (column_id, state, priority, usd)
  select k.id, 'spent', 0, c.cost_usd
    from unnest(p_calls) c
    join cogo.ai_columns k on k.id = c.column_id
   where c.cost_usd > 0;
end;
$$;
comment on function cogo.spend_calls is 'Add the costs of recorded calls to every cap that applies.';
