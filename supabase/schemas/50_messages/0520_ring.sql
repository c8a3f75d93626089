-- Security definer, since the right to write in realtime.messages belongs to the owner; nobody's
-- state depends on it.
create or replace function cogo.ring(
  p_topic text, p_type text, p_payload jsonb, p_source text, p_target text default null
)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
begin
  perform cogo.send(
    array[p_topic],
    array[
      cogo.envelope(p_type, cogo.fitting(p_payload), p_source, coalesce(p_target, p_topic))
    ]
  );
end;
$$;
comment on function cogo.ring(text, text, jsonb, text, text) is
  'Sends one message to a topic, when this transaction commits. Losing it costs only time.';

revoke all on function cogo.ring(text, text, jsonb, text, text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.ring(text, text, jsonb, text, text) to service_role;
