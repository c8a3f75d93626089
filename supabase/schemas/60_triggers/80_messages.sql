create or replace function cogo.count_summarised(p_content text, p_exchange jsonb)
  returns integer language sql immutable
  return least(length(p_content), 4000) + least(coalesce(length(p_exchange::text), 0), 1000);
comment on function cogo.count_summarised is
  'Return how many characters of a message a summary is made of: 4000 of its text, 1000 of its calls.';

-- One statement adds all messages of a batch of completions. The sessions are locked before, by seq.
create or replace function cogo.count_messages()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  update public.cogo_sessions e
     set messages = e.messages + a.messages,
         last_message = greatest(e.last_message, a.last_message),
         last_message_at = cogo.now(),
         unsummarised = e.unsummarised + a.characters
    from (
      select n.owner, n.session_id, count(*) as messages, max(n.seq) as last_message,
             sum(cogo.count_summarised(n.content, n.exchange)) as characters
        from new_rows n
       group by n.owner, n.session_id
    ) as a
   where e.id = a.session_id and (e.owner = a.owner or e.owner is null and a.owner is null);
  update public.cogo_sessions e
     set data_policy = array(
           select distinct r.rule from unnest(e.data_policy || a.rules) r (rule) order by r.rule
         )
    from (
      select n.owner, n.session_id, array_agg(distinct r.rule) as rules
        from new_rows n
        join public.cogo_tasks t on t.id = n.task_id
       cross join lateral unnest(cogo.data_policy_rules(t.preferences)) r (rule)
       group by n.owner, n.session_id
    ) as a
   where e.id = a.session_id and (e.owner = a.owner or e.owner is null and a.owner is null)
     and not a.rules <@ e.data_policy;
  return null;
end;
$$;
comment on function cogo.count_messages is
  'Count new messages in the rows of their sessions, and add the rules of their tasks.';
create or replace trigger count_messages
  after insert on public.cogo_messages
  referencing new table as new_rows
  for each statement execute function cogo.count_messages();

create or replace function cogo.revise_session()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_session bigint;
begin
  update public.cogo_sessions e
     set revision = e.revision + 1,
         messages = e.messages - case tg_op when 'DELETE' then 1 else 0 end,
         last_message = (
           select max(m.seq) from public.cogo_messages m
            where m.session_id = e.id and (m.owner = e.owner or m.owner is null and e.owner is null)
         )
   where e.id = old.session_id and (e.owner = old.owner or e.owner is null and old.owner is null)
  returning e.seq into v_session;
  -- What was deleted leaves the summary, too.
  delete from cogo.session_summaries u where u.session_seq = v_session and u.through >= old.seq;
  if found then
    perform cogo.count_unsummarised(v_session);
  end if;
  return null;
end;
$$;
comment on function cogo.revise_session is
  'Note in its session that a message was changed or deleted, which operators may do, and delete the
summary of it.';
create or replace trigger revise_session
  after update of owner, session_id, seq, role, content, exchange on public.cogo_messages
  for each row execute function cogo.revise_session();
create or replace trigger revise_session_on_delete
  after delete on public.cogo_messages
  for each row execute function cogo.revise_session();
