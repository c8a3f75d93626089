create or replace function cogo.lock_budgets(p_owner uuid, p_provider text)
  returns setof cogo.budgets
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
begin
  perform
     from cogo.budgets b
    where b.scope = 'total'
       or b.scope = 'owner'
          and b.key = coalesce(p_owner, '00000000-0000-0000-0000-000000000000')::text
       or b.scope = 'provider' and b.key = p_provider
    order by b.scope, b.key, b.per
      for no key update;
  return query
    update cogo.budgets b
       set spent_usd = case
             when b.period_start < cogo.period_start(b.per, v_now) then 0 else b.spent_usd
           end,
           period_start = greatest(b.period_start, cogo.period_start(b.per, v_now))
     where b.scope = 'total'
        or b.scope = 'owner'
           and b.key = coalesce(p_owner, '00000000-0000-0000-0000-000000000000')::text
        or b.scope = 'provider' and b.key = p_provider
    returning b.*;
end;
$$;
comment on function cogo.lock_budgets(uuid, text) is
  'Locks the caps that hold for an owner''s call of a provider, in key order, and begins new periods.';

revoke all on function cogo.lock_budgets(uuid, text) from public, anon, authenticated, service_role;
grant execute on function cogo.lock_budgets(uuid, text) to service_role;
