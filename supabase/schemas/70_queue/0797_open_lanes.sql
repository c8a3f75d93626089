create or replace function cogo.open_lanes(p_lanes text[])
  returns table (lane text, room integer)
  language plpgsql
  volatile
  set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select asked.lane,
         greatest(0, least(
           1000,
           l.max_running - case when l.max_running is not null then (
             select count(*) from cogo.subtasks s
              where s.status = 'running' and s.lane = asked.lane
           ) end,
           floor(cogo.allowance(l.per_minute, l.tokens, l.refilled_at, cogo.now()))
         ))::integer
    from (select distinct unnest(p_lanes) as lane) as asked
    left join cogo.lanes l on l.lane = asked.lane
   where not coalesce(l.paused, false);
end;
$$;
comment on function cogo.open_lanes(text[]) is
  'Which of the lanes are not paused, and how many more subtasks each may start; 1000 for no limit.
The caller has locked the limited ones, in an earlier statement.';

revoke all on function cogo.open_lanes(text[]) from public, anon, authenticated, service_role;
grant execute on function cogo.open_lanes(text[]) to service_role;
