-- Count the messages of the sessions that were there before sessions counted theirs.

update public.cogo_sessions e
   set messages = a.messages,
       last_message = a.last_message,
       last_message_at = a.last_message_at,
       unsummarised = a.characters
  from (
    select m.owner, m.session_id, count(*) as messages, max(m.seq) as last_message,
           max(m.created_at) as last_message_at, sum(cogo.count_summarised(m.content, null)) as characters
      from public.cogo_messages m
     group by m.owner, m.session_id
  ) as a
 where e.id = a.session_id and e.owner is not distinct from a.owner;

insert into cogo.schema_versions (version) values ('20261129180500')
on conflict (version) do nothing;
