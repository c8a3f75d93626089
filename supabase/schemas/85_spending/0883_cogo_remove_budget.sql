create or replace function public.cogo_remove_budget(p_scope text, p_key text, p_per text)
  returns table (removed boolean)
  language plpgsql
  volatile
  security invoker
  set search_path = ''
as $$
begin
  delete from cogo.budgets b
   where b.scope = p_scope and b.per = p_per
     and b.key = case
       when p_scope = 'owner' then coalesce(p_key, '00000000-0000-0000-0000-000000000000')
       else coalesce(p_key, '')
     end;
  removed := found;
  if removed and p_scope = 'owner' and p_key = '*' then
    delete from cogo.budgets b where b.is_default and b.per = p_per;
  end if;
  return next;
end;
$$;
comment on function public.cogo_remove_budget(text, text, text) is
  'Takes a cap away; removed says whether there was one.';

revoke all on function public.cogo_remove_budget(text, text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_remove_budget(text, text, text) to service_role;
