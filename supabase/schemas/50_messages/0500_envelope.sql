create or replace function cogo.envelope(
  p_type text, p_payload jsonb, p_source text, p_target text
)
  returns jsonb
  language sql
  volatile
  return jsonb_build_object(
    'type', p_type,
    'payload', p_payload,
    'source', p_source,
    'target', p_target,
    'id', gen_random_uuid(),
    'timestamp', cogo.iso(cogo.now()),
    'version', 1
  );
comment on function cogo.envelope(text, jsonb, text, text) is
  'A message as every process understands it. Described in docs/reference/protocol.';

revoke all on function cogo.envelope(text, jsonb, text, text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.envelope(text, jsonb, text, text) to service_role;
