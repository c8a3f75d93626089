create or replace function cogo.build_envelope(
  p_type text, p_payload jsonb, p_source text, p_target text
)
  returns jsonb language sql
  return jsonb_build_object(
    'type', p_type,
    'payload', p_payload,
    'source', p_source,
    'target', p_target,
    'id', gen_random_uuid(),
    'timestamp', cogo.iso_timestamp(cogo.now()),
    'version', 1
  );
comment on function cogo.build_envelope is
  'Return a message with its envelope, as docs/reference/protocol describes it.';

-- Realtime drops a broadcast that is too large without an error, so large values stay in the row
-- and the message refers to it.
create or replace function cogo.truncate_payload(p_payload jsonb)
  returns jsonb language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
  -- JSON as text is at most six times as long as its binary form, so this test is cheap for most.
  if pg_column_size(p_payload) <= 4096 or octet_length(p_payload::text) <= 32768 then
    return p_payload;
  end if;
  return (
    select jsonb_object_agg(
             field.key,
             case
               when octet_length(field.value::text) <= 1024 then field.value
               -- Keep the short values inside params and metadata, such as the model of a subtask.
               else (
                 select coalesce(jsonb_object_agg(inner_field.key, inner_field.value), '{}')
                   from jsonb_each(field.value) as inner_field
                  where octet_length(inner_field.value::text) <= 256
               )
             end
           ) || jsonb_build_object(
             'ref', jsonb_build_object(
               'table', case when p_payload ? 'subtask_id' then 'cogo_subtasks'
                             else 'cogo_tasks' end,
               'id', coalesce(p_payload -> 'subtask_id', p_payload -> 'task_id')
             )
           )
      from jsonb_each(p_payload) as field
     where octet_length(field.value::text) <= 1024
        or field.key in ('params', 'metadata') and jsonb_typeof(field.value) = 'object'
  );
end;
$$;
comment on function cogo.truncate_payload is
  'Return the payload; beyond 32 KiB with a reference to the row in place of large fields.';

-- One insert for all messages. `realtime.send` costs a subtransaction per message, and more than 64 of
-- them in a transaction slow down every reader (docs/adr/0008). If the table refuses these rows, the
-- function is called for each; it turns errors into warnings.
-- https://supabase.com/docs/guides/realtime/broadcast
create or replace function cogo.send_messages(p_topics text[], p_envelopes jsonb[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  begin
    insert into realtime.messages (payload, event, topic, private, extension)
    select m.envelope, m.envelope ->> 'type', m.topic, true, 'broadcast'
      from unnest(p_topics, p_envelopes) as m (topic, envelope);
  exception
    when others then
      if to_regprocedure('realtime.send(jsonb, text, text, boolean)') is null then
        return;
      end if;
      perform realtime.send(m.envelope, m.envelope ->> 'type', m.topic, true)
         from unnest(p_topics, p_envelopes) as m (topic, envelope);
  end;
end;
$$;
comment on function cogo.send_messages is
  'Broadcast the n-th message on the n-th topic when the transaction commits. Never raises.';

-- Security definer: only the owner may write in realtime.messages.
create or replace function cogo.notify(
  p_topic text, p_type text, p_payload jsonb, p_source text, p_target text default null
)
  returns void language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.send_messages(
    array[p_topic],
    array[
      cogo.build_envelope(
        p_type, cogo.truncate_payload(p_payload), p_source, coalesce(p_target, p_topic)
      )
    ]
  );
end;
$$;
comment on function cogo.notify is
  'Send one message to a topic when the transaction commits. A lost message costs only time.';

-- Both topics get the same message, which a listener of both recognizes by its id.
create or replace function cogo.publish_results(p_envelopes jsonb[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_done text;
begin
  v_done := cogo.send_messages(
    array_fill('cogo-results'::text, array[cardinality(p_envelopes)])
      || array(
           select 'cogo-results:' || (e.envelope -> 'payload' ->> 'task_id')
             from unnest(p_envelopes) with ordinality as e (envelope, nth) order by e.nth
         ),
    p_envelopes || p_envelopes
  );
end;
$$;
comment on function cogo.publish_results is
  'Send messages about tasks, each on cogo-results and on the topic of its task.';
