create or replace function cogo.budget_key(p_owner uuid)
  returns text
  language sql
  stable
  set search_path = ''
as $$
  select case
    when p_owner is null then '00000000-0000-0000-0000-000000000000'
    when exists (
      select from cogo.budgets b
       where b.scope = 'owner' and b.key = p_owner::text and not b.is_default
    ) then p_owner::text
    when exists (select from cogo.budgets b where b.scope = 'owner' and b.key in ('*', 'anonymous'))
      and cogo.is_anonymous(p_owner) then 'anonymous'
    else p_owner::text
  end;
$$;
comment on function cogo.budget_key(uuid) is
  'Whose cap an owner''s calls count towards: anonymous sign-ins without a cap of their own share one.';

revoke all on function cogo.budget_key(uuid) from public, anon, authenticated, service_role;
grant execute on function cogo.budget_key(uuid) to service_role;
