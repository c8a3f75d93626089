-- Ended calls come first, because the end of an attempt marks those without an end as lost. Their costs
-- are added last, because a holder of a budget must not wait for a task. For the same reason, work is
-- claimed here only if that waits for nothing: not if there are limits, which a claim locks before any
-- task, or wakes, due subtasks or expired leases, which it would handle.
create or replace function public.cogo_complete_and_claim(
  p_agent_id text,
  p_items jsonb,
  p_lanes text[],
  p_limit integer,
  p_lease_seconds numeric default 15,
  p_request_id uuid default null,
  p_lane_limits jsonb default null,
  p_calls jsonb default '[]'
)
  returns jsonb language plpgsql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_answers jsonb;
  v_claimed jsonb;
  v_ids uuid[];
  v_refusal text;
  v_ended public.cogo_calls[];
  v_problems jsonb;
  v_others uuid[] := '{}';
  v_done text;
begin
  v_done := cogo.set_actor(p_agent_id);
  if jsonb_typeof(p_items) is distinct from 'array'
     or jsonb_typeof(p_calls) is distinct from 'array' then
    raise exception using
      errcode = 'TQ004', message = 'p_items must be a list of completions, and p_calls one of calls';
  end if;
  if p_calls <> '[]' then
    v_others := array(
      select cogo.to_uuid(c.value ->> 'subtask_id') from jsonb_array_elements(p_calls) c
    );
  end if;
  v_done := cogo.lock_completions(p_items, v_others);
  if p_calls <> '[]' then
    select r.recorded, r.problems into v_ended, v_problems
      from cogo.record_calls_isolated(p_agent_id, p_calls, cogo.find_late_calls(p_calls)) r;
  end if;
  select coalesce(jsonb_agg(to_jsonb(c.*) - 'ordinality' order by c.ordinality), '[]')
    into v_answers
    from cogo.complete_isolated(p_agent_id, p_items) with ordinality c;
  if p_calls <> '[]' then
    perform cogo.spend_calls(v_ended);
  end if;
  if p_limit > 0 then
    begin
      v_ids := cogo.lease_subtasks(
        p_agent_id, p_lanes, p_limit, p_lease_seconds, p_request_id, p_lane_limits, true
      );
      if v_ids is not null then
        select coalesce(jsonb_agg(to_jsonb(c.*) - 'ordinality' order by c.ordinality), '[]')
          into v_claimed from cogo.load_leases(v_ids) with ordinality c;
      end if;
    exception
      -- Whatever it is, the completions are kept.
      when others then
        v_refusal := sqlerrm;
    end;
  end if;
  return jsonb_build_object(
    'answers', v_answers, 'claimed', v_claimed, 'refusal', v_refusal,
    'problems', coalesce(v_problems, '[]')
  );
end;
$$;
comment on function public.cogo_complete_and_claim is
  'Record the ends of calls to models (p_calls) as cogo_end_call, then completions as
cogo_complete_subtasks, then claim as cogo_claim_subtasks, in one transaction. Returns answers, one for
each completion; claimed, the leases, null if nothing was claimed because of a refusal (why; the rest is
kept) or because a claim could wait: then call cogo_claim_subtasks; and problems, the calls that cannot
be recorded and why ({id, detail}). Repeat the call until it answers.';
