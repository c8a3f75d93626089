-- Executors report what became of the calls of an attempt; what is no count of calls counts nothing,
-- and an attempt counts as one, however many calls it had.
create or replace function cogo.count_calls(p_count jsonb)
  returns double precision language sql immutable
  return case when cogo.is_number_between(p_count, 0, 10000) then p_count::double precision else 0 end;
comment on function cogo.count_calls is 'Return a count of calls; 0 for what is none.';

create or replace function cogo.read_calls(p_usage jsonb, p_error_class text)
  returns table (
    called integer, repaired double precision, rejected double precision,
    as_text double precision, failed integer
  )
  language sql immutable set search_path = pg_catalog, pg_temp
as $$
  with counted as (
    select cogo.count_calls(c.calls -> 'clean') as clean,
           cogo.count_calls(c.calls -> 'repaired') as repaired,
           (
             select coalesce(sum(cogo.count_calls(r.value)), 0)
               from jsonb_each(
                 case jsonb_typeof(c.calls -> 'rejected')
                   when 'object' then c.calls -> 'rejected' else '{}' end
               ) r
           ) as rejected,
           cogo.count_calls(c.calls -> 'text') as as_text
      from (select p_usage -> 'derived' -> 'calls' as calls) as c
  ), summed as (
    select c.*, c.clean + c.repaired + c.rejected as calls,
           coalesce(p_error_class = 'bad_tool_calls', false) as has_failed
      from counted c
  )
  select 1, s.repaired / greatest(s.calls, 1),
         case when s.calls > 0 then s.rejected / s.calls else 1 end,
         least(s.as_text / greatest(s.calls, 1), 1), s.has_failed::integer
    from summed s
   where s.calls > 0 or s.has_failed;
$$;
comment on function cogo.read_calls is
  'Return the shares of the calls of tools in an attempt that were repaired, rejected and written as
text, and whether it failed because no call could be run; no row without calls.';
