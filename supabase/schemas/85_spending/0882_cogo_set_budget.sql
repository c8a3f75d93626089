create or replace function public.cogo_set_budget(
  p_scope text, p_key text, p_per text, p_limit_usd numeric, p_allow_unpriced boolean default false
)
  returns table (
    scope text, key text, per text, limit_usd numeric, allow_unpriced boolean, spent_usd numeric,
    reserved_usd numeric, resets_at timestamptz, is_default boolean
  )
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_key text := case
    when p_scope = 'owner' and p_key in ('*', 'anonymous') then p_key
    when p_scope = 'owner'
    then coalesce(cogo.to_uuid(p_key), '00000000-0000-0000-0000-000000000000')::text
    else coalesce(p_key, '')
  end;
begin
  if p_scope is null or p_scope not in ('total', 'owner', 'provider')
     or p_per is null or p_per not in ('day', 'month', 'ever')
     or p_scope = 'owner' and v_key <> p_key and cogo.to_uuid(p_key) is null
     or (p_scope = 'total') <> (v_key = '')
     or p_limit_usd is null or p_limit_usd not between 0 and 1e9 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_scope must be total (no key), owner (a uuid; null: tasks without one; anonymous; * '
        'for whoever has none) or provider (its id), p_per day, month or ever, p_limit_usd 0 to 1e9';
  end if;
  -- A new cap counts what its period has cost already.
  insert into cogo.budgets as b (
    scope, key, per, limit_usd, allow_unpriced, period_start, spent_usd
  )
  select p_scope, v_key, p_per, p_limit_usd, coalesce(p_allow_unpriced, false), p.start,
         cogo.spent_usd(p_scope, v_key, p.start)
    from (select cogo.period_start(p_per, cogo.now()) as start) p
  on conflict (scope, key, per) do update
    set limit_usd = excluded.limit_usd, allow_unpriced = excluded.allow_unpriced,
        is_default = false;
  if p_scope = 'owner' then
    -- Who has a cap of their own has no default one.
    delete from cogo.budgets b where b.scope = 'owner' and b.key = v_key and b.is_default;
    update cogo.budgets b
       set limit_usd = p_limit_usd, allow_unpriced = coalesce(p_allow_unpriced, false)
     where v_key = '*' and b.is_default and b.per = p_per;
  end if;
  return query
    select b.* from public.cogo_budgets() b
     where b.scope = p_scope and b.key = v_key and b.per = p_per;
end;
$$;
comment on function public.cogo_set_budget(text, text, text, numeric, boolean) is
  'Caps what may be spent in US dollars: by everybody, an owner or at a provider, per day, month
(UTC) or ever. Of owner, * caps each user without a cap of their own, and anonymous sign-ins
together. Calls of unknown price are refused under a cap unless p_allow_unpriced.';

revoke all on function public.cogo_set_budget(text, text, text, numeric, boolean)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_set_budget(text, text, text, numeric, boolean)
  to service_role;
