create or replace function cogo.lock_budgets(p_owner_key text, p_provider text)
  returns setof cogo.budgets
  language plpgsql
  volatile
  set search_path = ''
as $$
declare
  v_now timestamptz := cogo.now();
begin
  -- In the order of the locks below; of two who make one at once the second waits for the first.
  if p_owner_key <> '00000000-0000-0000-0000-000000000000' and not exists (
    select from cogo.budgets b
     where b.scope = 'owner' and b.key = p_owner_key and not b.is_default
  ) then
    insert into cogo.budgets (
      scope, key, per, limit_usd, allow_unpriced, is_default, period_start, spent_usd
    )
    select 'owner', p_owner_key, d.per, d.limit_usd, d.allow_unpriced, true,
           cogo.period_start(d.per, v_now),
           cogo.spent_usd('owner', p_owner_key, cogo.period_start(d.per, v_now))
      from cogo.budgets d
     where d.scope = 'owner' and d.key = '*'
       and not exists (
         select from cogo.budgets b
          where b.scope = 'owner' and b.key = p_owner_key and b.per = d.per
       )
     order by d.per
    on conflict do nothing;
  end if;
  perform
     from cogo.budgets b
    where (b.scope, b.key) in (('total', ''), ('owner', p_owner_key), ('provider', p_provider))
    order by b.scope, b.key, b.per
      for no key update;
  return query
    update cogo.budgets b
       set spent_usd = case
             when b.period_start < cogo.period_start(b.per, v_now) then 0 else b.spent_usd
           end,
           period_start = greatest(b.period_start, cogo.period_start(b.per, v_now))
     where (b.scope, b.key) in (('total', ''), ('owner', p_owner_key), ('provider', p_provider))
    returning b.*;
end;
$$;
comment on function cogo.lock_budgets(text, text) is
  'Locks the caps that hold for a call, of cogo.budget_key() at a provider, in key order, and begins new
periods. An owner without a cap of their own gets the default one.';

revoke all on function cogo.lock_budgets(text, text) from public, anon, authenticated, service_role;
grant execute on function cogo.lock_budgets(text, text) to service_role;
