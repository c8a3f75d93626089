-- One and the same message on both topics: who hears both knows it by its id.
create or replace function cogo.publish(
  p_type text, p_task_ids uuid[], p_payloads jsonb[], p_sources text[]
)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_topics text[];
  v_envelopes jsonb[];
begin
  with messages as materialized (
    select m.nth, m.task_id,
           cogo.envelope(p_type, cogo.fitting(m.payload), m.source, 'cogo-results') as envelope
      from unnest(p_task_ids, p_payloads, p_sources) with ordinality
           as m (task_id, payload, source, nth)
  )
  select array_agg(t.topic order by m.nth, t.topic),
         array_agg(m.envelope order by m.nth, t.topic)
    into v_topics, v_envelopes
    from messages m
    cross join lateral (
      values ('cogo-results'), ('cogo-results:' || m.task_id)
    ) as t (topic);
  perform cogo.send(v_topics, v_envelopes);
end;
$$;
comment on function cogo.publish(text, uuid[], jsonb[], text[]) is
  'Sends messages about tasks, each on cogo-results and on the topic of its task.';

revoke all on function cogo.publish(text, uuid[], jsonb[], text[])
  from public, anon, authenticated, service_role;
