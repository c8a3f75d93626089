create or replace function cogo.note_report(p_agent_id text, p_report bigint, p_item jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_name text := p_item ->> 'deployment';
  v_unreachable integer := (p_item ->> 'unreachable')::integer;
  v_old cogo.deployments;
  v_new cogo.deployments;
  v_draw jsonb;
begin
  insert into cogo.deployments (deployment, model_id, provider)
  values (v_name, p_item ->> 'model_id', p_item ->> 'provider')
  on conflict do nothing;
  select d.* into v_old from cogo.deployments d where d.deployment = v_name for no key update;

  insert into cogo.deployment_agents as a (
    deployment, agent_id, report, unreachable, unreachable_at, concurrency, running
  ) values (
    v_name, p_agent_id, p_report, coalesce(v_unreachable, 0),
    case when v_unreachable > 0 then cogo.now() end,
    (p_item ->> 'concurrency')::integer, (p_item ->> 'running')::integer
  )
  on conflict (deployment, agent_id) do update
    set report = excluded.report,
        unreachable = coalesce(v_unreachable, a.unreachable),
        unreachable_at = case
          when v_unreachable > 0 then cogo.now() else a.unreachable_at
        end,
        concurrency = excluded.concurrency,
        running = excluded.running,
        reported_at = cogo.now()
  where a.report < excluded.report;
  if not found then
    return;
  end if;

  v_new := cogo.judge_deployment(
    cogo.count_calls(v_old, p_item), p_item ->> 'trial', (p_item ->> 'trial_id')::uuid
  );
  update cogo.deployments d
     set state = v_new.state, open_until = v_new.open_until, openings = v_new.openings,
         not_before = v_new.not_before, trial_id = v_new.trial_id,
         trial_agent = v_new.trial_agent, trial_until = v_new.trial_until,
         answered = v_new.answered, failed = v_new.failed, counted_at = v_new.counted_at,
         consecutive = v_new.consecutive, failing_since = v_new.failing_since,
         last_error = v_new.last_error, last_error_at = v_new.last_error_at,
         changed_at = v_new.changed_at,
         model_id = coalesce(p_item ->> 'model_id', d.model_id)
   where d.deployment = v_name;
  if (v_new.state = 'closed') is distinct from (v_old.state = 'closed') then
    perform cogo.tell_deployment(v_new);
  end if;
  for v_draw in select jsonb_array_elements(coalesce(nullif(p_item -> 'given_back', 'null'), '[]'))
  loop
    update cogo.buckets b set tokens = b.tokens + (v_draw ->> 'amount')::float8
     where b.bucket = v_draw ->> 'bucket';
  end loop;
end;
$$;
comment on function cogo.note_report(text, bigint, jsonb) is
  'Counts what one agent saw of one deployment, once, and gives back what it had drawn too much.';

revoke all on function cogo.note_report(text, bigint, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function cogo.note_report(text, bigint, jsonb) to service_role;
