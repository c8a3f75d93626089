create or replace function public.cogo_end_call(p_agent_id text, p_call jsonb)
  returns table (booked boolean)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
declare
  v_call public.cogo_calls := jsonb_populate_record(
    null::public.cogo_calls, cogo.plausible(p_call)
  );
  v_began timestamptz;
  v_caps cogo.budgets[];
begin
  perform cogo.act_as(p_agent_id);
  v_caps := array(
    select b from cogo.lock_budgets(cogo.budget_key(v_call.owner), v_call.provider) b
  );
  delete from cogo.reservations r where r.call_id = v_call.id returning r.made_at into v_began;

  v_call.agent_id := p_agent_id;
  v_call.simulated := coalesce(v_call.simulated, false);
  if v_call.simulated then
    v_call.cost_usd := 0;
  end if;
  v_call.ended_at := cogo.now();
  -- Without its reservation (its attempt ended meanwhile) only the caller knows how long it took.
  v_call.started_at := coalesce(
    v_began, cogo.now() - make_interval(secs => coalesce(v_call.duration_ms, 0) / 1000.0)
  );
  insert into public.cogo_calls select v_call.* on conflict do nothing;
  booked := found;
  if booked and v_call.cost_usd > 0 then
    update cogo.budgets b
       set spent_usd = b.spent_usd + v_call.cost_usd
      from unnest(v_caps) as held
     where (b.scope, b.key, b.per) = (held.scope, held.key, held.per);
  end if;
  return next;
end;
$$;
comment on function public.cogo_end_call(text, jsonb) is
  'After a call to a model: writes the audit row, books the cost under every cap and frees what was
reserved. booked is false when it had been written before.';

revoke all on function public.cogo_end_call(text, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_end_call(text, jsonb) to service_role;
