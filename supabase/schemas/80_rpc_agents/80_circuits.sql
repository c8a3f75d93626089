create or replace function public.cogo_report_calls(
  p_agent_id text, p_report bigint, p_items jsonb default '[]'
)
  returns table (deployment text, state text, wait_seconds numeric, resting boolean)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_item jsonb;
begin
  perform cogo.set_actor(p_agent_id);
  if p_report is null or jsonb_typeof(p_items) is distinct from 'array' then
    raise exception using
      errcode = 'TQ004', message = 'p_report must be a number, p_items an array of objects';
  end if;
  -- In a fixed order, so that two reports cannot deadlock.
  for v_item in
    select i.item from jsonb_array_elements(p_items) as i (item)
     where i.item ->> 'deployment' is not null
     order by i.item ->> 'deployment'
  loop
    perform cogo.record_report(p_agent_id, p_report, v_item);
  end loop;
  return query
    select d.deployment, d.state, cogo.circuit_wait_seconds(d, cogo.now()), d.not_before > cogo.now()
      from cogo.deployments d
     where d.state <> 'closed' or d.not_before > cogo.now();
end;
$$;
comment on function public.cogo_report_calls is
  'Count an agent''s calls since its last report; return the deployments that may not be called freely.
Items: deployment, model_id, provider, answered, failed, in_a_row (failures since the last answer),
unreachable (failed connections in a row), retry_after_seconds, error, concurrency, running, trial
(running, answered, failed, void) with trial_id, given_back (bucket, amount).';

create or replace function public.cogo_take_trial(
  p_agent_id text, p_deployment text, p_trial_id uuid
)
  returns table (granted boolean, state text, wait_seconds numeric)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := cogo.now();
  v_deployment cogo.deployments;
begin
  select d.* into v_deployment
    from cogo.deployments d where d.deployment = p_deployment for no key update;
  if v_deployment.not_before > v_now then
    return query
      select false, v_deployment.state, cogo.circuit_wait_seconds(v_deployment, v_now);
    return;
  end if;
  if v_deployment.state = 'open' and v_deployment.open_until <= v_now
     or v_deployment.state = 'half_open' and v_deployment.trial_until <= v_now then
    update cogo.deployments d
       set state = 'half_open',
           trial_id = p_trial_id,
           trial_agent = p_agent_id,
           trial_until = v_now + interval '15 seconds'
     where d.deployment = p_deployment
    returning d.* into v_deployment;
  end if;
  return query
    select coalesce(v_deployment.state, 'closed') = 'closed'
             or v_deployment.state = 'half_open'
                and v_deployment.trial_id is not distinct from p_trial_id,
           coalesce(v_deployment.state, 'closed'),
           coalesce(cogo.circuit_wait_seconds(v_deployment, v_now), 0);
end;
$$;
comment on function public.cogo_take_trial is
  'Request the single trial call of a deployment whose circuit is open. Reports keep it; 15 seconds
after the last one another agent may take it. The same p_trial_id gets the same answer.';

create or replace function public.cogo_draw(p_request_id uuid, p_draws jsonb)
  returns table (granted boolean, wait_seconds numeric)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := cogo.now();
begin
  if p_request_id is null or jsonb_typeof(p_draws) is distinct from 'array' then
    raise exception using
      errcode = 'TQ004', message = 'p_request_id must be a uuid, p_draws an array of objects';
  end if;
  insert into cogo.buckets (bucket)
  select d ->> 'bucket' from jsonb_array_elements(p_draws) d order by 1
  on conflict do nothing;
  perform from cogo.buckets b
    where b.bucket in (select d ->> 'bucket' from jsonb_array_elements(p_draws) d)
    order by b.bucket
      for no key update;
  if exists (
    select from cogo.buckets b
      join jsonb_array_elements(p_draws) d on d ->> 'bucket' = b.bucket
     where b.request_id = p_request_id
  ) then
    return query select true, 0::numeric;
    return;
  end if;

  return query
    with draws as materialized (
      select b.bucket,
             (d ->> 'amount')::float8 as amount,
             (d ->> 'per_minute')::integer as per_minute,
             cogo.available_tokens(
               (d ->> 'per_minute')::integer, b.tokens, b.refilled_at, v_now
             ) as left,
             -- A full bucket grants more than it holds; the rest is repaid by waiting.
             least(
               (d ->> 'amount')::float8,
               cogo.available_tokens((d ->> 'per_minute')::integer, null, null, v_now)
             ) as needed
        from jsonb_array_elements(p_draws) d
        join cogo.buckets b on b.bucket = d ->> 'bucket'
    ), decision as materialized (
      select bool_and(w.left >= w.needed) as granted,
             max(greatest(0, (w.needed - w.left) * 60 / w.per_minute)) as seconds
        from draws w
    ), taken as (
      update cogo.buckets b
         set tokens = w.left - w.amount, refilled_at = v_now, request_id = p_request_id
        from draws w, decision v
       where v.granted and b.bucket = w.bucket
    )
    select coalesce(v.granted, true), round(coalesce(v.seconds, 0)::numeric, 3) from decision v;
end;
$$;
comment on function public.cogo_draw is
  'Draw from token buckets (bucket, per_minute, amount), from all or from none; then wait_seconds says
when to try again. cogo_report_calls refunds what was too much.';
