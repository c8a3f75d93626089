create or replace function public.cogo_budgets()
  returns table (
    scope text, key text, per text, limit_usd numeric, allow_unpriced boolean, spent_usd numeric,
    reserved_usd numeric, resets_at timestamptz, is_default boolean
  )
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select b.scope, b.key, b.per, b.limit_usd, b.allow_unpriced,
         case when b.period_start < cogo.period_start(b.per, cogo.now()) then 0 else b.spent_usd end,
         cogo.reserved_usd(b.scope, b.key),
         cogo.period_end(b.per, cogo.now()), b.is_default
    from cogo.budgets b
   order by b.scope, b.key, b.per;
$$;
comment on function public.cogo_budgets() is
  'The caps on spending: what is spent in this period, reserved by calls that run, and when it resets.
Owners without a cap of their own appear with the default one (is_default) from their first call on.';

revoke all on function public.cogo_budgets() from public, anon, authenticated, service_role;
grant execute on function public.cogo_budgets() to service_role;
