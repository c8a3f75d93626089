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
  v_envelopes jsonb[] := array(
    select cogo.envelope(p_type, cogo.fitting(m.payload), m.source, 'cogo-results')
      from unnest(p_payloads, p_sources) with ordinality as m (payload, source, nth)
     order by m.nth
  );
begin
  perform cogo.send(
    array_fill('cogo-results'::text, array[cardinality(p_task_ids)])
      || array(
           select 'cogo-results:' || t.id
             from unnest(p_task_ids) with ordinality as t (id, nth) order by t.nth
         ),
    v_envelopes || v_envelopes
  );
end;
$$;
comment on function cogo.publish(text, uuid[], jsonb[], text[]) is
  'Sends messages about tasks, each on cogo-results and on the topic of its task.';

revoke all on function cogo.publish(text, uuid[], jsonb[], text[])
  from public, anon, authenticated, service_role;
