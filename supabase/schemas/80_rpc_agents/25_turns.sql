create or replace function cogo.validate_turns(p_turns jsonb, p_last integer)
  returns text language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_turn jsonb;
  v_seq integer;
  v_next integer;
  v_problem text;
begin
  if jsonb_typeof(p_turns) is distinct from 'array' then
    return 'turns must be a list';
  end if;
  for v_turn in select e.value from jsonb_array_elements(p_turns) e loop
    v_seq := cogo.to_integer(v_turn ->> 'seq');
    if coalesce(v_seq, 0) < 1 then
      return format('every turn needs a seq of 1 or more: %s', left(v_turn::text, 200));
    elsif v_seq > 1000 then
      return 'a subtask may have 1000 turns';
    elsif v_seq > coalesce(v_next, p_last + 1) then
      return format('turn %s does not follow turn %s', v_seq, coalesce(v_next - 1, p_last));
    elsif v_seq < v_next then
      return 'turns must be in the order of their seq';
    elsif coalesce(v_turn ->> 'kind', '') <> all ('{answer,begun,result}') then
      return format('turn %s must be of the kind answer, begun or result', v_seq);
    elsif jsonb_typeof(v_turn -> 'body') is distinct from 'object' then
      return format('the body of turn %s must be an object', v_seq);
    elsif octet_length((v_turn -> 'body')::text) > 1048576 then
      return format('the body of turn %s has more than 1 MiB', v_seq);
    end if;
    v_problem := cogo.validate_json(v_turn -> 'body');
    if v_problem is not null then
      return format('the body of turn %s %s', v_seq, v_problem);
    end if;
    v_next := v_seq + 1;
  end loop;
  return null;
end;
$$;
comment on function cogo.validate_turns is
  'Return why turns cannot be stored after the last one, as a sentence; null if they can.';

create or replace function cogo.append_turns(p_subtask_id uuid, p_attempt integer, p_turns jsonb)
  returns text language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_last integer;
  v_problem text;
begin
  select coalesce(max(u.seq), 0) into v_last from cogo.turns u where u.subtask_id = p_subtask_id;
  v_problem := cogo.validate_turns(p_turns, v_last);
  if v_problem is not null then
    return v_problem;
  end if;
  select format('turn %s was stored with another content', u.seq) into v_problem
    from jsonb_array_elements(p_turns) as e (turn)
    join cogo.turns u on u.subtask_id = p_subtask_id and u.seq = (e.turn ->> 'seq')::integer
   where (u.kind, u.body) is distinct from (e.turn ->> 'kind', e.turn -> 'body')
   order by u.seq
   limit 1;
  if v_problem is not null then
    return v_problem;
  end if;
  insert into cogo.turns (subtask_id, seq, kind, attempt, body)
  select p_subtask_id, (e.turn ->> 'seq')::integer, e.turn ->> 'kind', p_attempt, e.turn -> 'body'
    from jsonb_array_elements(p_turns) as e (turn)
   where (e.turn ->> 'seq')::integer > v_last;
  -- Deaths before a new answer or result say nothing about what comes next. Whatever dies at each
  -- turn ends at the limits of its turns, or at the deadline.
  update cogo.subtasks s
     set reaps = 0
   where s.id = p_subtask_id and s.reaps > 0 and exists (
     select from jsonb_array_elements(p_turns) as e (turn)
      where (e.turn ->> 'seq')::integer > v_last and e.turn ->> 'kind' in ('answer', 'result')
   );
  return null;
end;
$$;
comment on function cogo.append_turns is
  'Store the turns that are not stored yet; return why not, with nothing written. The caller holds the
task lock.';

create or replace function public.cogo_store_turns(p_agent_id text, p_items jsonb)
  returns table (subtask_id uuid, attempt integer, answer text, detail text)
  language plpgsql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_item jsonb;
  v_subtask cogo.subtasks;
  v_attempt public.cogo_attempts;
  v_state text;
begin
  perform cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_items) is distinct from 'array' then
    raise exception using errcode = 'TQ004',
      message = 'p_items must be a list of {subtask_id, attempt, turns}';
  end if;
  perform cogo.lock_tasks(
    array(select cogo.to_uuid(i.value ->> 'subtask_id') from jsonb_array_elements(p_items) i)
  );
  for v_item in select i.value from jsonb_array_elements(p_items) i loop
    subtask_id := cogo.to_uuid(v_item ->> 'subtask_id');
    attempt := cogo.to_integer(v_item ->> 'attempt');
    detail := null;
    select s.* into v_subtask
      from cogo.subtasks s where s.id = cogo.to_uuid(v_item ->> 'subtask_id');
    select a.* into v_attempt
      from public.cogo_attempts a
     where a.subtask_id = v_subtask.id and a.attempt = cogo.to_integer(v_item ->> 'attempt');
    v_state := cogo.check_fence(p_agent_id, v_attempt, v_subtask);
    if v_state = 'held' then
      detail := cogo.append_turns(v_subtask.id, v_attempt.attempt, v_item -> 'turns');
    end if;
    answer := case
      when detail is not null then 'invalid'
      when v_state = 'held' then 'ok'
      when v_state in ('closing', 'cancelled') then 'cancel'
      else 'stale'
    end;
    return next;
  end loop;
end;
$$;
comment on function public.cogo_store_turns is
  'Store turns of the holders of leases, each item independently, and answer for each, in order: ok (also
if they were stored before), stale (no longer yours), cancel (stop: the task is over) or invalid (nothing
of it was written, see detail). Repeat the call until it answers.';

create or replace function public.cogo_subtask_turns(p_subtask_id uuid, p_after integer default 0)
  returns table (seq integer, kind text, attempt integer, body jsonb)
  language plpgsql stable set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  v_bytes bigint := 0;
begin
  for seq, kind, attempt, body in
    select u.seq, u.kind, u.attempt, u.body
      from cogo.turns u
     where u.subtask_id = p_subtask_id and u.seq > coalesce(p_after, 0)
     order by u.seq
  loop
    return next;
    v_bytes := v_bytes + octet_length(body::text);
    exit when v_bytes >= 4194304;
  end loop;
end;
$$;
comment on function public.cogo_subtask_turns is
  'Return the turns of a subtask after seq p_after, in order: all, or as many as have 4 MiB together.
Continue after the last one until there is none.';
