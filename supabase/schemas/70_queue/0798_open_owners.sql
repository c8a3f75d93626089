create or replace function cogo.open_owners()
  returns table (owner uuid, room integer)
  language plpgsql
  volatile
  set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select o.owner,
         greatest(0, least(
           1000,
           o.max_running - coalesce(r.running, 0),
           floor(cogo.allowance(o.per_minute, o.tokens, o.refilled_at, cogo.now()))
         ))::integer
    from cogo.owners o
    left join (
      select s.owner, count(*) as running
        from cogo.subtasks s
       where s.status = 'running' and s.regulated and s.lane <> 'cio'
       group by s.owner
    ) as r on r.owner = o.owner
   where not o.paused;
end;
$$;
comment on function cogo.open_owners() is
  'Which owners that have a row are not paused, and how many more subtasks each may start.
The caller has locked the limited ones, in an earlier statement.';

revoke all on function cogo.open_owners() from public, anon, authenticated, service_role;
grant execute on function cogo.open_owners() to service_role;
