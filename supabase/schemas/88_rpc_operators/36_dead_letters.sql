create or replace function public.cogo_dead_letter_groups(
  p_since timestamptz default null, p_until timestamptz default null
)
  returns table (
    error_class text, lane text, type text, letters bigint, tasks bigint, last_at timestamptz
  )
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select d.error_class, d.lane, d.type, count(*), count(distinct d.task_id), max(d.dead_at)
    from public.cogo_dead_letters d
   where d.dead_at >= coalesce(p_since, '-infinity') and d.dead_at < coalesce(p_until, 'infinity')
   group by d.error_class, d.lane, d.type
   order by count(*) desc, d.error_class, d.lane, d.type
   limit 500;
$$;
comment on function public.cogo_dead_letter_groups is
  'For operators: how many dead letters there are, and of how many tasks, by class of error, lane and
type, the most frequent first; of those that died from p_since to before p_until. At most 500 groups.';
