create or replace function cogo.note_switch(
  p_kind text, p_subject text, p_scope text, p_was text, p_became text, p_reason text,
  p_numbers jsonb, p_who text
)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  insert into public.cogo_model_switches (kind, subject, scope, was, became, reason, numbers, who)
  values (
    p_kind, p_subject, p_scope, p_was, p_became, p_reason, coalesce(p_numbers, '{}'), p_who
  );
  perform cogo.ring(
    'model-selection', 'MODEL_STATUS',
    jsonb_build_object(
      'model_id', p_subject,
      'status', case
        when p_became in ('open', 'ban', 'drain') then 'unavailable'
        when p_became = 'degraded' then 'degraded'
        else 'available'
      end,
      'kind', p_kind,
      'scope', p_scope,
      'was', p_was,
      'became', p_became,
      'who', p_who,
      'reason', p_reason,
      'numbers', coalesce(p_numbers, '{}'),
      'timestamp', cogo.iso(cogo.now())
    ),
    p_who, 'cogo-model-selection'
  );
end;
$$;
comment on function cogo.note_switch(text, text, text, text, text, text, jsonb, text) is
  'Keeps and announces one change of what may be chosen: who, why, and the numbers.';

revoke all on function cogo.note_switch(text, text, text, text, text, text, jsonb, text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.note_switch(text, text, text, text, text, text, jsonb, text)
  to service_role;
