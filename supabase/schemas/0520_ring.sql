-- Rings the doorbell on each topic with one and the same message. Security definer, since the
-- right to write in realtime.messages belongs to the owner; nobody's state depends on it.
-- Each `realtime.send` is a subtransaction that swallows its own errors: two per transition are
-- cheap, dozens would not be.
create or replace function cogo.ring(
  p_topics text[], p_type text, p_payload jsonb, p_source text, p_target text default null
)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_envelope jsonb;
  v_topic text;
begin
  if to_regprocedure('realtime.send(jsonb, text, text, boolean)') is null then
    return;
  end if;
  v_envelope := cogo.envelope(
    p_type,
    -- No text is more than six times as long as what it was parsed to.
    case when pg_column_size(p_payload) > 4096 then cogo.fitting(p_payload) else p_payload end,
    p_source, coalesce(p_target, p_topics[1])
  );
  foreach v_topic in array p_topics loop
    perform realtime.send(v_envelope, p_type, v_topic, true);
  end loop;
end;
$$;
comment on function cogo.ring(text[], text, jsonb, text, text) is
  'Sends one message to topics, when this transaction commits. Losing it costs only time.';

revoke all on function cogo.ring(text[], text, jsonb, text, text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.ring(text[], text, jsonb, text, text) to service_role;
