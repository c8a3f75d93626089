create or replace function public.cogo_budgets()
  returns table (
    scope text, key text, per text, limit_usd numeric, allow_unpriced boolean, spent_usd numeric,
    reserved_usd numeric, resets_at timestamptz, is_default boolean, extra_usd numeric
  )
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select b.scope, b.key, b.per, b.limit_usd, b.allow_unpriced,
         case when b.period_start < cogo.period_start(b.per, cogo.now()) then 0 else b.spent_usd end,
         cogo.reserved_usd(b.scope, b.key),
         cogo.period_end(b.per, cogo.now()), b.is_default,
         case when b.period_start < cogo.period_start(b.per, cogo.now()) then 0 else b.extra_usd end
    from cogo.budgets b
   order by b.scope, b.key, b.per;
$$;
comment on function public.cogo_budgets is
  'Return the spending caps: spent in this period, reserved by running calls, when they reset, and what
people have approved on top of the limit in this period (extra_usd).
Owners without a cap of their own appear with the default one (is_default) after their first call.';

create or replace function public.cogo_set_budget(
  p_scope text, p_key text, p_per text, p_limit_usd numeric, p_allow_unpriced boolean default false
)
  returns table (
    scope text, key text, per text, limit_usd numeric, allow_unpriced boolean, spent_usd numeric,
    reserved_usd numeric, resets_at timestamptz, is_default boolean, extra_usd numeric
  )
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_key text := case
    when p_scope = 'owner' and p_key in ('*', 'anonymous') then p_key
    when p_scope = 'owner'
    then coalesce(cogo.to_uuid(p_key), '00000000-0000-0000-0000-000000000000')::text
    when p_scope = 'project' then coalesce(cogo.clean_label(p_key), '')
    else coalesce(p_key, '')
  end;
begin
  if p_scope is null or p_scope not in ('total', 'owner', 'provider', 'column', 'project')
     or p_scope = 'column' and not exists (select from cogo.ai_columns c where c.id::text = v_key)
     or p_per is null or p_per not in ('day', 'month', 'ever')
     or p_scope = 'owner' and v_key <> p_key and cogo.to_uuid(p_key) is null
     or (p_scope = 'total') <> (v_key = '')
     or p_scope = 'project' and length(v_key) > 100
     or p_limit_usd is null or p_limit_usd not between 0 and 1e9 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_scope must be total (no key), owner (a uuid; null: tasks without one; anonymous; * '
        'for owners without a cap), provider (its id), column (the id of an AI column) or project (its '
        'name), p_per day, month or ever, p_limit_usd 0 to 1e9';
  end if;
  perform cogo.lock_budget_waits();
  -- A new cap includes the cost so far in its period.
  insert into cogo.budgets as b (
    scope, key, per, limit_usd, allow_unpriced, period_start, spent_usd
  )
  select p_scope, v_key, p_per, p_limit_usd, coalesce(p_allow_unpriced, false), p.start,
         cogo.spent_usd(p_scope, v_key, p.start)
    from (select cogo.period_start(p_per, cogo.now()) as start) p
  on conflict (scope, key, per) do update
    set limit_usd = excluded.limit_usd, allow_unpriced = excluded.allow_unpriced,
        is_default = false, extra_usd = 0;
  if p_scope = 'owner' then
    -- An owner with a cap of their own has no default one.
    delete from cogo.budgets b where b.scope = 'owner' and b.key = v_key and b.is_default;
    update cogo.budgets b
       set limit_usd = p_limit_usd, allow_unpriced = coalesce(p_allow_unpriced, false),
           extra_usd = 0
     where v_key = '*' and b.is_default and b.per = p_per;
  end if;
  perform cogo.recheck_budget_waits(p_scope);
  return query
    select b.* from public.cogo_budgets() b
     where b.scope = p_scope and b.key = v_key and b.per = p_per;
end;
$$;
comment on function public.cogo_set_budget is
  'Cap spending in US dollars: in total, of an owner, at a provider, of an AI column or of a project, per
day, month (UTC) or ever.
Key * of scope owner caps each owner without a cap of their own; anonymous caps anonymous sign-ins
together. Calls of unknown price are refused under a cap unless p_allow_unpriced. A new limit replaces
what people have approved on top of the old one.';

create or replace function public.cogo_remove_budget(p_scope text, p_key text, p_per text)
  returns table (removed boolean)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.lock_budget_waits();
  delete from cogo.budgets b
   where b.scope = p_scope and b.per = p_per
     and b.key = case
       when p_scope = 'owner' then coalesce(p_key, '00000000-0000-0000-0000-000000000000')
       when p_scope = 'project' then coalesce(cogo.clean_label(p_key), '')
       else coalesce(p_key, '')
     end;
  removed := found;
  if removed and p_scope = 'owner' and p_key = '*' then
    delete from cogo.budgets b where b.is_default and b.per = p_per;
  end if;
  perform cogo.recheck_budget_waits(p_scope);
  return next;
end;
$$;
comment on function public.cogo_remove_budget is 'Remove a cap; removed says whether there was one.';
