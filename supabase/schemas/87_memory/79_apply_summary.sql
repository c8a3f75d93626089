create or replace function cogo.postpone_summary(p_session bigint)
  returns void language sql set search_path = pg_catalog, pg_temp
as $$
  update public.cogo_sessions e
     set summary_tries = e.summary_tries + 1,
         summary_due_at = cogo.now()
           + least(interval '1 day', interval '1 minute' * power(4, least(e.summary_tries, 8)))
   where e.seq = p_session;
$$;
comment on function cogo.postpone_summary is 'Ask for a summary later: more than the last time.';

create or replace function cogo.apply_summary(
  p_follow_up cogo.follow_ups, p_task public.cogo_tasks
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_seq constant bigint := (p_follow_up.refs ->> 'session_seq')::bigint;
  v_text constant text := btrim(coalesce(p_task.result ->> 'text', ''));
  v_session public.cogo_sessions;
begin
  select e.* into v_session from public.cogo_sessions e where e.seq = v_seq for no key update;
  if not found then
    return;
  elsif p_task.status <> 'completed' or v_text = '' then
    perform cogo.postpone_summary(v_seq);
    return;
  end if;
  update public.cogo_sessions e set summary_tries = 0, summary_due_at = '-infinity'
   where e.seq = v_seq;
  -- Of messages that were changed or deleted meanwhile nothing is kept.
  if v_session.revision <> (p_follow_up.refs ->> 'revision')::integer then
    return;
  end if;
  insert into cogo.session_summaries (
    session_seq, owner, through, content, model_id, simulated, preferences
  ) values (
    v_seq, v_session.owner, (p_follow_up.refs ->> 'through')::bigint, left(v_text, 12000),
    p_task.result ->> 'model_used', p_task.simulated, p_task.preferences
  )
  on conflict (session_seq) do update
     set through = excluded.through, content = excluded.content, model_id = excluded.model_id,
         simulated = excluded.simulated, preferences = excluded.preferences,
         created_at = cogo.now();
  update public.cogo_sessions e set revision = e.revision + 1 where e.seq = v_seq;
  perform cogo.count_unsummarised(v_seq);
end;
$$;
comment on function cogo.apply_summary is
  'Store the summary that a task made of a session, unless the session has been changed since.';

create or replace function cogo.count_unsummarised(p_session bigint)
  returns void language sql set search_path = pg_catalog, pg_temp
as $$
  update public.cogo_sessions e
     set unsummarised = coalesce(
           (
             select sum(cogo.count_summarised(m.content, m.exchange))
               from public.cogo_messages m
              where m.session_id = e.id
                and (m.owner = e.owner or m.owner is null and e.owner is null)
                and m.seq > coalesce(
                  (select u.through from cogo.session_summaries u where u.session_seq = e.seq), 0
                )
           ), 0
         )
   where e.seq = p_session;
$$;
comment on function cogo.count_unsummarised is
  'Count the characters of a session that its summary does not cover.';
