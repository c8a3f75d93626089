-- Every orchestrator asks; one learns at a time, and the others read what it has learned.
create or replace function cogo.learn(p_limit integer default 2000)
  returns integer
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_count integer;
  v_was cogo.model_health;
  v_is cogo.model_health;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('cogo.learn', 0)) then
    return 0;
  end if;
  v_count := cogo.count_outcomes(p_limit);
  for v_was in
    select h.* from cogo.model_health h
     where h.health <> 'ok' or h.on_trial or h.counted_at > cogo.now() - interval '5 minutes'
        or h.model_id in (select d.model_id from cogo.deployments d where d.state <> 'closed')
     order by h.model_id
  loop
    v_is := cogo.judge_health(
      v_was, cogo.now(),
      coalesce(
        (
          select bool_and(d.state <> 'closed')
            from cogo.deployments d where d.model_id = v_was.model_id
        ), false
      )
    );
    continue when v_is is not distinct from v_was;
    update cogo.model_health h
       set health = v_is.health, reason = v_is.reason, since = v_is.since,
           on_trial = v_is.on_trial, trips = v_is.trips, retry_at = v_is.retry_at,
           answered = v_is.answered, failed = v_is.failed, in_a_row = v_is.in_a_row,
           paced = v_is.paced, pace = v_is.pace
     where h.model_id = v_is.model_id;
    if v_is.health <> v_was.health then
      perform cogo.note_switch(
        'health', v_is.model_id, 'everywhere', v_was.health, v_is.health, v_is.reason,
        jsonb_build_object(
          'answered', round(v_was.answered::numeric, 1),
          'failed', round(v_was.failed::numeric, 1),
          'in_a_row', v_was.in_a_row,
          'ms_per_token', round((v_was.pace / nullif(v_was.paced, 0))::numeric, 1),
          'usual_ms_per_token',
          round((v_was.usual_pace / nullif(v_was.usual_paced, 0))::numeric, 1),
          'retry_at', cogo.iso(v_is.retry_at)
        ),
        cogo.actor()
      );
    end if;
  end loop;
  return v_count;
end;
$$;
comment on function cogo.learn(integer) is
  'Learns from attempts that ended since the last time, and switches models that became unwell or well.';

revoke all on function cogo.learn(integer) from public, anon, authenticated, service_role;
grant execute on function cogo.learn(integer) to service_role;
