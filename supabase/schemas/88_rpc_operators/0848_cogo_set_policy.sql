create or replace function public.cogo_set_policy(
  p_policy text, p_owner uuid default null, p_who text default null
)
  returns table (policy text, owner uuid, was text)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_owner uuid := coalesce(p_owner, '00000000-0000-0000-0000-000000000000');
  v_who text := coalesce(nullif(p_who, ''), 'an operator');
  v_was text;
begin
  if p_policy = '' or length(p_policy) > 100 then
    raise exception using
      errcode = 'TQ004', message = 'p_policy must name a policy; null takes it away';
  end if;
  select p.policy into v_was from cogo.policies p where p.owner = v_owner;
  if p_policy is null then
    delete from cogo.policies p where p.owner = v_owner;
  else
    insert into cogo.policies as p (owner, policy, who)
    values (v_owner, p_policy, v_who)
    on conflict (owner) do update
      set policy = excluded.policy, who = excluded.who, set_at = cogo.now();
  end if;
  if v_was is distinct from p_policy then
    perform cogo.note_switch(
      'policy', 'policy', case when p_owner is null then 'everywhere' else 'owner:' || p_owner end,
      coalesce(v_was, 'default'), coalesce(p_policy, 'default'), v_who || ' said so', null, v_who
    );
  end if;
  return query select p_policy, p_owner, v_was;
end;
$$;
comment on function public.cogo_set_policy(text, uuid, text) is
  'For operators: the selection policy of an owner''s tasks, or without one of the deployment; null
takes it away. A task may still name its own.';

revoke all on function public.cogo_set_policy(text, uuid, text)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_set_policy(text, uuid, text) to service_role;
