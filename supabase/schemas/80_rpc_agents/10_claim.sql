create or replace function public.cogo_claim_subtasks(
  p_agent_id text,
  p_lanes text[],
  p_limit integer,
  p_lease_seconds numeric default 15,
  p_request_id uuid default null,
  p_lane_limits jsonb default null
)
  returns table (
    subtask_id uuid, task_id uuid, key text, type text, lane text, attempt integer,
    failures integer, reaps integer, priority integer, lease_expires_at timestamptz,
    params jsonb, metadata jsonb, task jsonb, inputs jsonb, failed_inputs jsonb, history jsonb,
    kind text, flow jsonb, turns integer, tools_granted jsonb
  )
  language plpgsql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_ids uuid[] := cogo.lease_subtasks(
    p_agent_id, p_lanes, p_limit, p_lease_seconds, p_request_id, p_lane_limits
  );
begin
  if v_ids <> '{}' then
    return query select * from cogo.load_leases(v_ids);
  end if;
end;
$$;
comment on function public.cogo_claim_subtasks is
  'Lease at most p_limit queued subtasks of the lanes to an agent: fairly among owners, by priority and
age, within limits, and at most p_lane_limits ->> lane of a lane. The same p_request_id again returns the
leases that still run.';
