-- One insert for all, as `realtime.send` makes one for each: that function is a subtransaction a
-- message, which is dear, and more than 64 of them in one transaction slow everybody's reading down.
-- Where the table does not take the rows as they are here, the function itself is asked, one by one;
-- it turns whatever is wrong into a warning. https://supabase.com/docs/guides/realtime/broadcast
create or replace function cogo.send(p_topics text[], p_envelopes jsonb[])
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  if to_regprocedure('realtime.send(jsonb, text, text, boolean)') is null then
    return;
  end if;
  begin
    insert into realtime.messages (payload, event, topic, private, extension)
    select m.envelope, m.envelope ->> 'type', m.topic, true, 'broadcast'
      from unnest(p_topics, p_envelopes) as m (topic, envelope);
  exception
    when others then
      perform realtime.send(m.envelope, m.envelope ->> 'type', m.topic, true)
         from unnest(p_topics, p_envelopes) as m (topic, envelope);
  end;
end;
$$;
comment on function cogo.send(text[], jsonb[]) is
  'Broadcasts the n-th message on the n-th topic, when this transaction commits. Never raises.';

revoke all on function cogo.send(text[], jsonb[]) from public, anon, authenticated, service_role;
