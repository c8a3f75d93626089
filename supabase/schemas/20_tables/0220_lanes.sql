create table if not exists cogo.lanes (
  lane text not null primary key,
  paused boolean not null default false,
  max_running integer check (max_running >= 0),
  per_minute integer check (per_minute > 0),
  tokens double precision not null default 0,
  refilled_at timestamptz
);
comment on table cogo.lanes is
  'Limits of lanes, set by operators; a lane without a row has none. They hold over all executors.';
comment on column cogo.lanes.tokens is
  'How many claims per_minute allowed at refilled_at; null there: the bucket was never used.';

alter table cogo.lanes enable row level security;
revoke all on cogo.lanes from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.lanes to service_role;
