create or replace function public.cogo_cached_answer(p_key text)
  returns table (answer jsonb, created_at timestamptz)
  language sql
  volatile
  security invoker
  set search_path = ''
as $$
  update cogo.cached_answers c
     set hits = c.hits + 1
   where c.key = p_key and c.expires_at > cogo.now()
  returning c.answer, c.created_at;
$$;
comment on function public.cogo_cached_answer(text) is
  'An answer that was kept under this key and is still fresh; no row when there is none.';

revoke all on function public.cogo_cached_answer(text)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_cached_answer(text) to service_role;
