create or replace function cogo.describe_session(p_owner uuid, p_id uuid)
  returns jsonb language sql stable set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
           'seq', e.seq, 'last_message', e.last_message, 'revision', e.revision
         )
    from public.cogo_sessions e
   where e.id = p_id and (e.owner = p_owner or e.owner is null and p_owner is null);
$$;
comment on function cogo.describe_session is
  'Return how far a session is, for the holder of a lease; null if there is no session.';

-- Security definer: users may not read the table of summaries. They read only their own; p_owner is
-- ignored.
create or replace function public.cogo_read_session(
  p_owner uuid,
  p_session_id uuid,
  p_before bigint default null,
  p_after bigint default null,
  p_limit integer default 100,
  p_characters integer default 200000
)
  returns table (
    seq bigint, last_message bigint, revision integer, summary jsonb, messages jsonb,
    is_more boolean
  )
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_owner constant uuid := cogo.resolve_owner(p_owner);
  v_session public.cogo_sessions;
begin
  select e.* into v_session from public.cogo_sessions e
   where e.id = p_session_id and (e.owner = v_owner or e.owner is null and v_owner is null);
  if not found then
    return;
  end if;
  return query
  with newest as materialized (
    select m.*,
           row_number() over (order by m.seq desc) as nth,
           sum(length(m.content) + coalesce(length(m.exchange::text), 0))
             over (order by m.seq desc) as total
      from (
        select n.seq, n.role, n.content, n.exchange, n.task_id, n.created_at
          from public.cogo_messages n
         where n.session_id = v_session.id
           and (n.owner = v_session.owner or n.owner is null and v_session.owner is null)
           and n.seq < coalesce(p_before, 9223372036854775807)
           and n.seq > coalesce(p_after, 0)
         order by n.seq desc
         limit least(greatest(coalesce(p_limit, 100), 1), 1000) + 1
      ) as m
  ), page as (
    select w.* from newest w
     where w.nth <= least(greatest(coalesce(p_limit, 100), 1), 1000)
       and (w.nth = 1 or w.total <= coalesce(p_characters, 200000))
  )
  select v_session.seq, v_session.last_message, v_session.revision,
         (
           select jsonb_build_object(
                    'through', u.through, 'content', u.content, 'model_id', u.model_id,
                    'simulated', u.simulated, 'created_at', u.created_at
                  )
             from cogo.session_summaries u where u.session_seq = v_session.seq
         ),
         (
           select coalesce(
                    jsonb_agg(
                      jsonb_build_object(
                        'seq', g.seq, 'role', g.role, 'content', g.content,
                        'exchange', g.exchange, 'task_id', g.task_id, 'created_at', g.created_at
                      ) order by g.seq desc
                    ), '[]'
                  )
             from page g
         ),
         (select count(*) from newest) > (select count(*) from page);
end;
$$;
comment on function public.cogo_read_session is
  'Return a page of the messages of a session, newest first, with its summary: those before and after a
seq, at most p_limit, 1000 at most, and no more than p_characters after the first; is_more says whether
there are older ones. No row if there is no such session of that owner.';

create or replace function cogo.copy_session(
  p_owner uuid, p_source uuid, p_through bigint, p_target bigint
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_source public.cogo_sessions;
  v_target public.cogo_sessions;
  v_through bigint;
begin
  select e.* into v_source from public.cogo_sessions e
   where e.id = p_source and (e.owner = p_owner or e.owner is null and p_owner is null);
  if not found then
    raise exception using errcode = 'TQ002',
      message = format('there is no session %s, or it is not yours', p_source);
  end if;
  perform cogo.check_size('the session to copy', v_source.messages, 20000, 'messages');
  if p_through is not null and not exists (
    select from public.cogo_messages m
     where m.session_id = v_source.id
       and (m.owner = p_owner or m.owner is null and p_owner is null)
    having p_through between min(m.seq) and max(m.seq)
  ) then
    raise exception using errcode = 'TQ004',
      message = format('%s is no message of the session %s', p_through, p_source),
      hint = 'the numbers of its messages are those that reading it gives as seq';
  end if;
  -- A turn is copied whole.
  select max(m.seq) into v_through
    from public.cogo_messages m
   where m.session_id = v_source.id
     and (m.owner = p_owner or m.owner is null and p_owner is null)
     and m.role = 'assistant'
     and m.seq <= coalesce(
       (
         select min(n.seq) from public.cogo_messages n
          where n.session_id = v_source.id
            and (n.owner = p_owner or n.owner is null and p_owner is null)
            and n.role = 'assistant' and n.seq >= p_through
       ), 9223372036854775807
     );
  update public.cogo_sessions e
     set forked_from = v_source.id, title = v_source.title, data_policy = v_source.data_policy
   where e.seq = p_target returning e.* into v_target;
  insert into public.cogo_messages (
    owner, session_id, role, content, exchange, task_id, created_at
  )
  select m.owner, v_target.id, m.role, m.content, m.exchange, m.task_id, m.created_at
    from public.cogo_messages m
   where m.session_id = v_source.id
     and (m.owner = p_owner or m.owner is null and p_owner is null)
     and m.seq <= v_through
   order by m.seq;
  perform cogo.copy_summary(v_source, v_target, v_through);
end;
$$;
comment on function cogo.copy_session is
  'Copy the messages of a session, up to the turn with p_through, into an empty one, by its seq.';

create or replace function cogo.copy_summary(
  p_source public.cogo_sessions, p_target public.cogo_sessions, p_through bigint
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_covered integer;
begin
  select count(*) into v_covered
    from cogo.session_summaries u
    join public.cogo_messages m
      on m.session_id = p_source.id
     and (m.owner = p_source.owner or m.owner is null and p_source.owner is null)
     and m.seq <= u.through
   where u.session_seq = p_source.seq and u.through <= p_through;
  if v_covered = 0 then
    return;
  end if;
  -- The messages have numbers of their own, in the same order.
  insert into cogo.session_summaries (
    session_seq, owner, through, content, model_id, simulated, preferences, created_at
  )
  select p_target.seq, p_target.owner, m.seq, u.content, u.model_id, u.simulated, u.preferences,
         u.created_at
    from cogo.session_summaries u
   cross join lateral (
     select n.seq from public.cogo_messages n
      where n.session_id = p_target.id
        and (n.owner = p_target.owner or n.owner is null and p_target.owner is null)
      order by n.seq offset v_covered - 1 limit 1
   ) as m
   where u.session_seq = p_source.seq;
  perform cogo.count_unsummarised(p_target.seq);
end;
$$;
comment on function cogo.copy_summary is
  'Copy the summary of a session into a copy of it, unless it covers messages that were not copied.';
