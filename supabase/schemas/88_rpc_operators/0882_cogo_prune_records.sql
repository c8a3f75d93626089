-- Security definer: nobody has the right to delete a row of the audit, and this is the only way to,
-- which takes nothing that is younger than 30 days. Calls of an open task are its spent budget.
create or replace function public.cogo_prune_records(
  p_limit integer default 1000,
  p_switches_older_than interval default null,
  p_calls_older_than interval default null
)
  returns table (pruned integer)
  language plpgsql
  volatile
  security definer
  set search_path = ''
as $$
declare
  v_calls integer;
begin
  if p_limit is null or p_limit < 0 or p_switches_older_than < interval '0'
     or p_calls_older_than < interval '30 days' then
    raise exception using
      errcode = 'TQ004',
      message = 'p_limit and p_switches_older_than must be 0 or more, '
                'and the audit keeps what is younger than 30 days';
  end if;
  delete from public.cogo_model_switches w
   where w.seq in (
     select o.seq from public.cogo_model_switches o
      where o.at < cogo.now() - p_switches_older_than
      order by o.at limit p_limit
        for update skip locked
   );
  get diagnostics pruned = row_count;
  delete from public.cogo_calls c
   where (c.id, c.outcome) in (
     select o.id, o.outcome
       from public.cogo_calls o
      where o.started_at < cogo.now() - p_calls_older_than
        and not exists (
          select from public.cogo_tasks t where t.id = o.task_id and t.finished_at is null
        )
      order by o.started_at limit p_limit
        for update skip locked
   );
  get diagnostics v_calls = row_count;
  pruned := pruned + v_calls;
  return next;
end;
$$;
comment on function public.cogo_prune_records(integer, interval, interval) is
  'Forgets switches of models and calls of the audit, of each the oldest, at most p_limit; null keeps
all. Says how many: call it until it is 0.';

revoke all on function public.cogo_prune_records(integer, interval, interval)
  from public, anon, authenticated, service_role;
grant execute on function public.cogo_prune_records(integer, interval, interval) to service_role;
