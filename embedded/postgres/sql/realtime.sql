-- Schema `realtime` with the interface of a hosted project. Two things differ inside: `messages` is
-- one plain table (hosted projects partition it by day), and a trigger notifies the server (hosted
-- projects read the WAL).

create schema if not exists realtime;
alter schema realtime owner to supabase_admin;
grant usage on schema realtime to postgres, anon, authenticated, service_role;
grant all on schema realtime to supabase_realtime_admin;

create table if not exists realtime.messages (
  topic text not null,
  extension text not null,
  payload jsonb,
  event text,
  private boolean default false,
  updated_at timestamp not null default (now() at time zone 'utc'),
  inserted_at timestamp not null default (now() at time zone 'utc'),
  id uuid not null default gen_random_uuid(),
  binary_payload bytea,
  primary key (id, inserted_at)
);
create index if not exists messages_inserted_at_topic_index
  on realtime.messages (inserted_at desc, topic);
alter table realtime.messages owner to supabase_realtime_admin;
alter table realtime.messages enable row level security;
grant all on realtime.messages to postgres;
grant select, insert, update on realtime.messages to anon, authenticated, service_role;
comment on table realtime.messages is
  'Broadcasts from the database in the last 72 hours. Its policies authorize access to private topics.';

create or replace function realtime.topic()
  returns text
  language sql
  stable
  set search_path = pg_catalog, pg_temp
as $$ select nullif(current_setting('realtime.topic', true), '') $$;
comment on function realtime.topic() is
  'The topic for which a policy on realtime.messages is evaluated.';

create or replace function realtime.send(
  payload jsonb, event text, topic text, private boolean default true
)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_id uuid := gen_random_uuid();
begin
  if payload is null then
    return;
  end if;
  if jsonb_typeof(payload) <> 'object' then
    raise exception 'the payload must be a JSON object, not %', jsonb_typeof(payload);
  end if;
  perform set_config('realtime.topic', topic, true);
  insert into realtime.messages (id, payload, event, topic, private, extension)
  values (
    v_id, jsonb_build_object('id', v_id) || payload,
    send.event, send.topic, send.private, 'broadcast'
  );
exception
  -- As on hosted projects: the caller's transaction must not fail because of a broadcast.
  when others then
    raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end;
$$;
comment on function realtime.send(jsonb, text, text, boolean) is
  'Broadcast a message at the commit of the transaction. Errors are reported as a WARNING.';

create or replace function realtime.send_binary(
  payload bytea, event text, topic text, private boolean default true
)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  if payload is null then
    return;
  end if;
  perform set_config('realtime.topic', topic, true);
  insert into realtime.messages (binary_payload, event, topic, private, extension)
  values (payload, send_binary.event, send_binary.topic, send_binary.private, 'broadcast');
exception
  -- As in realtime.send.
  when others then
    raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end;
$$;
comment on function realtime.send_binary(bytea, text, text, boolean) is
  'Broadcast bytes at the commit of the transaction, to clients of serializer 2.0.0 only.';

create or replace function realtime.broadcast_changes(
  topic_name text,
  event_name text,
  operation text,
  table_name text,
  table_schema text,
  new record,
  old record,
  level text default 'ROW'
)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  if level = 'STATEMENT' then
    raise exception 'function can only be triggered for each row, not for each statement';
  end if;
  perform realtime.send(
    jsonb_build_object(
      'old_record', to_jsonb(old),
      'record', to_jsonb(new),
      'operation', operation,
      'table', table_name,
      'schema', table_schema
    ),
    event_name,
    topic_name
  );
exception
  when others then
    raise exception 'Failed to process the row: %', sqlerrm;
end;
$$;
comment on function realtime.broadcast_changes(text, text, text, text, text, record, record, text) is
  'Broadcast a row change on a private topic; for triggers for each row.';

create or replace function realtime.notify_server()
  returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- The payload of a notification has less than 8,000 bytes.
  c_bytes constant integer := 7900;
  v_news text := (
    select json_agg(json_build_array(n.id, coalesce(n.private, false), n.topic)) from new_rows n
  );
  v_ids uuid[];
  v_first integer := 1;
begin
  if octet_length(v_news) <= c_bytes then
    perform pg_notify('realtime_messages', v_news);
    return null;
  end if;
  v_ids := array(select n.id from new_rows n);
  while v_first <= cardinality(v_ids) loop
    perform pg_notify('realtime_messages', array_to_json(v_ids[v_first:v_first + 199])::text);
    v_first := v_first + 200;
  end loop;
  return null;
end;
$$;
comment on function realtime.notify_server() is
  'Notify the server of new rows, with their topics if there is room, at commit and in its order.';

-- For each statement, since a call and a notification for each row cost more than its insert.
drop trigger if exists ring on realtime.messages; -- of earlier versions
drop function if exists realtime.ring();
drop trigger if exists notify_server on realtime.messages;
create trigger notify_server
  after insert on realtime.messages
  referencing new table as new_rows
  for each statement execute function realtime.notify_server();

do $$
begin
  if not exists (select from pg_publication where pubname = 'supabase_realtime') then
    create publication supabase_realtime;
    alter publication supabase_realtime owner to postgres;
  end if;
  if not exists (
    select from pg_publication where pubname = 'supabase_realtime_messages_publication'
  ) then
    create publication supabase_realtime_messages_publication for table realtime.messages;
  end if;
end;
$$;
