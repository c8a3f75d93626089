-- Security definer: users may not write sessions. They copy only their own; p_owner is ignored.
create or replace function public.cogo_fork_session(
  p_owner uuid, p_session_id uuid, p_through bigint default null, p_id uuid default null
)
  returns table (session_id uuid)
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_owner constant uuid := cogo.resolve_owner(p_owner);
  v_id constant uuid := coalesce(p_id, gen_random_uuid());
  v_seq bigint;
begin
  insert into public.cogo_sessions (id, owner) values (v_id, v_owner)
  on conflict (owner, id) do nothing
  returning seq into v_seq;
  if v_seq is not null then
    perform cogo.copy_session(v_owner, p_session_id, p_through, v_seq);
  elsif not exists (
    select from public.cogo_sessions e
     where e.id = v_id and e.forked_from = p_session_id
       and (e.owner = v_owner or e.owner is null and v_owner is null)
  ) then
    raise exception using errcode = 'TQ003', message = format('there is a session %s already', v_id);
  end if;
  return query select v_id;
end;
$$;
comment on function public.cogo_fork_session is
  'Copy a session up to the turn that holds the message p_through (null: all of it) into a new one, and
return its id; the same p_id of the same session returns the copy that was made. Raises TQ002 if there
is no such session of that owner, TQ003 if p_id is that of another session.';

-- Security definer: users may not write sessions. They delete only their own; p_owner is ignored.
create or replace function public.cogo_forget_sessions(
  p_owner uuid default null,
  p_every_owner boolean default false,
  p_ids uuid[] default null,
  p_before timestamptz default null,
  p_dry_run boolean default false
)
  returns table (sessions integer, messages bigint)
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_operator constant boolean := cogo.is_operator();
  v_owner constant uuid := case when v_operator then p_owner else auth.uid() end;
  v_seqs bigint[];
begin
  if num_nonnulls(p_ids, p_before) = 0 then
    raise exception using errcode = 'TQ004',
      message = 'name the sessions by p_ids or p_before (infinity: all of them)';
  end if;
  select coalesce(array_agg(e.seq order by e.seq), '{}') into v_seqs
    from public.cogo_sessions e
   where (
           e.owner = v_owner
           or v_operator and (coalesce(p_every_owner, false) or e.owner is null and v_owner is null)
         )
     and (p_ids is null or e.id = any (p_ids))
     and (p_before is null or coalesce(e.last_message_at, e.created_at) < p_before);
  if not coalesce(p_dry_run, false) then
    perform cogo.drop_follow_ups(
      array(
        select f.task_id from cogo.follow_ups f
         where f.purpose = 'summary' and (f.refs ->> 'session_seq')::bigint = any (v_seqs)
      ), 'the session was forgotten'
    );
    -- Tasks before sessions, as their completions do.
    perform from public.cogo_tasks t
     where exists (
             select from public.cogo_sessions e
              where e.seq = any (v_seqs) and e.id = t.session_id
                and (e.owner = t.owner or e.owner is null and t.owner is null)
           )
     order by t.seq
       for no key update;
  end if;
  select count(*), coalesce(sum(k.messages), 0) into sessions, messages
    from (
      select e.messages from public.cogo_sessions e where e.seq = any (v_seqs) order by e.seq
         for update
    ) as k;
  if not coalesce(p_dry_run, false) then
    delete from public.cogo_sessions e where e.seq = any (v_seqs);
  end if;
  return next;
end;
$$;
comment on function public.cogo_forget_sessions is
  'Delete sessions with their messages and summaries: those that match every given argument; p_before
is a time after their last message. Their tasks stay, without a session. Users delete their own;
operators those of an owner (null: of nobody) or, with p_every_owner, of all. p_dry_run only counts.';

create or replace function public.cogo_forgotten_sessions(p_since interval default '10 minutes')
  returns setof bigint language sql stable set search_path = pg_catalog, pg_temp
as $$
  select f.session_seq from cogo.forgotten_sessions f
   where f.forgotten_at > cogo.now() - p_since order by f.forgotten_at limit 10000;
$$;
comment on function public.cogo_forgotten_sessions is
  'Return the rows of the sessions that were deleted lately, for copies outside the database.';
