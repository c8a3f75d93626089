create or replace function public.cogo_control_model(
  p_action text,
  p_subject text,
  p_lanes text[] default '{}',
  p_scope text default 'everywhere',
  p_reason text default null,
  p_who text default null
)
  returns table (subject text, action text, scope text, was text, restamped integer)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_who text;
  v_reason text;
  v_old text;
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
  perform cogo.set_operator(p_who, p_reason);
  v_who := cogo.current_who();
  v_reason := coalesce(nullif(p_reason, ''), 'set by ' || v_who);
  -- Serializes operators, and orchestrators that received the same message.
  perform pg_advisory_xact_lock(hashtextextended('cogo.controls', 0));

  select c.action into v_old
    from cogo.controls c where c.scope = p_scope and c.subject = p_subject;
  if p_action = 'allow' then
    delete from cogo.controls c where c.scope = p_scope and c.subject = p_subject;
  elsif v_old is distinct from p_action then
    if p_action = 'pin' then
      delete from cogo.controls c where c.scope = p_scope and c.action = 'pin'
      returning c.subject into v_pinned;
    end if;
    insert into cogo.controls as c (scope, subject, action, reason, who)
    values (p_scope, p_subject, p_action, v_reason, v_who)
    on conflict (scope, subject) do update
      set action = excluded.action, reason = excluded.reason, who = excluded.who,
          set_at = cogo.now();
    v_restamped := cogo.restamp_subtasks(
      p_action, coalesce(nullif(p_lanes, '{}'), array[p_subject]), p_scope, v_reason
    );
  end if;
  if coalesce(v_old, 'allow') <> p_action then
    perform cogo.record_switch(
      'control', p_subject, p_scope, coalesce(v_old, 'allow'), p_action, v_reason,
      jsonb_strip_nulls(
        jsonb_build_object('restamped', v_restamped, 'pinned_before', v_pinned)
      )
    );
  end if;
  return query
    select p_subject, p_action, p_scope, coalesce(v_old, 'allow'), v_restamped;
end;
$$;
comment on function public.cogo_control_model is
  'For operators: pin, ban, drain or allow a model or provider everywhere, for an owner:<uuid> or a
task_type:<type>. Running subtasks are finished; waiting ones (in p_lanes: the models of a provider) are
stamped again. Repeating a call changes nothing. Who did it is cogo.current_who(), or p_who.';

create or replace function public.cogo_set_policy(
  p_policy text, p_owner uuid default null, p_who text default null
)
  returns table (policy text, owner uuid, was text)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_owner uuid := coalesce(p_owner, '00000000-0000-0000-0000-000000000000');
  v_who text;
  v_old text;
begin
  if p_policy = '' or length(p_policy) > 100 then
    raise exception using
      errcode = 'TQ004', message = 'p_policy must name a policy; null removes it';
  end if;
  perform cogo.set_operator(p_who, null);
  v_who := cogo.current_who();
  select p.policy into v_old from cogo.policies p where p.owner = v_owner;
  if p_policy is null then
    delete from cogo.policies p where p.owner = v_owner;
  else
    insert into cogo.policies as p (owner, policy, who)
    values (v_owner, p_policy, v_who)
    on conflict (owner) do update
      set policy = excluded.policy, who = excluded.who, set_at = cogo.now();
  end if;
  if v_old is distinct from p_policy then
    perform cogo.record_switch(
      'policy', 'policy', case when p_owner is null then 'everywhere' else 'owner:' || p_owner end,
      coalesce(v_old, 'default'), coalesce(p_policy, 'default'), 'set by ' || v_who, null
    );
  end if;
  return query select p_policy, p_owner, v_old;
end;
$$;
comment on function public.cogo_set_policy is
  'For operators: set the selection policy of an owner''s tasks, or without p_owner the default;
null removes it. A task may still name its own.';
