create or replace function public.cogo_control_model(
  p_action text,
  p_subject text,
  p_lanes text[] default '{}',
  p_scope text default 'everywhere',
  p_reason text default null,
  p_who text default null
)
  returns table (subject text, action text, scope text, was text, restamped integer)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_who text := coalesce(nullif(p_who, ''), 'an operator');
  v_reason text := coalesce(nullif(p_reason, ''), v_who || ' said so');
  v_was text;
  v_pinned text;
  v_restamped integer := 0;
begin
  if p_action is null or p_action not in ('pin', 'ban', 'drain', 'allow') then
    raise exception using errcode = 'TQ004', message = 'p_action must be pin, ban, drain or allow';
  elsif coalesce(p_subject, '') = '' then
    raise exception using errcode = 'TQ004', message = 'p_subject must name a model or a provider';
  elsif p_scope is null or not (
    p_scope = 'everywhere' or p_scope like 'task_type:_%'
    or p_scope like 'owner:%' and cogo.to_uuid(substr(p_scope, length('owner:') + 1)) is not null
  ) then
    raise exception using
      errcode = 'TQ004', message = 'p_scope must be everywhere, owner:<uuid> or task_type:<type>';
  end if;
  -- Two operators at once, or one message that several orchestrators heard.
  perform pg_advisory_xact_lock(hashtextextended('cogo.controls', 0));

  select c.action into v_was
    from cogo.controls c where c.scope = p_scope and c.subject = p_subject;
  if p_action = 'allow' then
    delete from cogo.controls c where c.scope = p_scope and c.subject = p_subject;
  elsif v_was is distinct from p_action then
    if p_action = 'pin' then
      delete from cogo.controls c where c.scope = p_scope and c.action = 'pin'
      returning c.subject into v_pinned;
    end if;
    insert into cogo.controls as c (scope, subject, action, reason, who)
    values (p_scope, p_subject, p_action, v_reason, v_who)
    on conflict (scope, subject) do update
      set action = excluded.action, reason = excluded.reason, who = excluded.who,
          set_at = cogo.now();
    v_restamped := cogo.restamp(
      p_action, coalesce(nullif(p_lanes, '{}'), array[p_subject]), p_scope, v_reason, v_who
    );
  end if;
  if coalesce(v_was, 'allow') <> p_action then
    perform cogo.note_switch(
      'control', p_subject, p_scope, coalesce(v_was, 'allow'), p_action, v_reason,
      jsonb_strip_nulls(
        jsonb_build_object('restamped', v_restamped, 'pinned_before', v_pinned)
      ), v_who
    );
  end if;
  return query
    select p_subject, p_action, p_scope, coalesce(v_was, 'allow'), v_restamped;
end;
$$;
comment on function public.cogo_control_model(text, text, text[], text, text, text) is
  'For operators: pin, ban, drain or allow a model or provider, everywhere, for an owner:<uuid> or a
task_type:<type>. What runs is finished; what waits (in p_lanes: the models of a provider) is stamped
anew. Saying the same again changes nothing.';

revoke all on function public.cogo_control_model(text, text, text[], text, text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_control_model(text, text, text[], text, text, text)
  to service_role;
