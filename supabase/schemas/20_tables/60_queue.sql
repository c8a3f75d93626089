create table if not exists cogo.lanes (
  lane text not null primary key,
  paused boolean not null default false,
  max_running integer check (max_running >= 0),
  per_minute integer check (per_minute > 0),
  tokens double precision not null default 0,
  refilled_at timestamptz
);
comment on table cogo.lanes is
  'Limits of lanes over all executors, set by operators. A lane without a row has none.';
comment on column cogo.lanes.tokens is
  'Tokens in the bucket of per_minute at refilled_at, which is null if it was never used.';
alter table cogo.lanes enable row level security;

-- Rows are never deleted: subtasks marked `regulated` are found only through the row of their owner.
create table if not exists cogo.owners (
  owner uuid not null primary key,
  paused boolean not null default false,
  max_running integer check (max_running >= 0),
  per_minute integer check (per_minute > 0),
  tokens double precision not null default 0,
  refilled_at timestamptz
);
comment on table cogo.owners is
  'Limits of owners over all executors and lanes, set by operators; an owner without a row has none. In
lane cio only a pause counts. The nil uuid stands for tasks without an owner.';
alter table cogo.owners enable row level security;

create sequence if not exists cogo.lane_services;

create table if not exists cogo.lane_clocks (
  lane text not null primary key,
  round bigint not null default 0,
  served bigint not null default 0,
  head bigint not null default 0,
  looked_at timestamptz not null default cogo.now(),
  next_head bigint,
  next_xid xid8
) with (fillfactor = 10, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);
comment on table cogo.lane_clocks is
  'The highest round of each lane of which a subtask was claimed. It never decreases, so newcomers
cannot overtake a waiting subtask for ever.';
comment on column cogo.lane_clocks.served is
  'Grows with each claim: the lane with the lowest number was served longest ago.';
comment on column cogo.lane_clocks.head is
  'Where claims begin to read: no subtask without limits is queued with a lower turn. See
cogo.advance_clock().';
comment on column cogo.lane_clocks.next_head is
  'The next head, as soon as all transactions before next_xid have ended.';
comment on column cogo.lane_clocks.looked_at is
  'When cogo.find_late_subtasks() read the queue from its beginning.';
alter table cogo.lane_clocks enable row level security;

create table if not exists cogo.lease_clock (
  id boolean not null primary key default true check (id),
  next_expiry timestamptz not null
);
comment on table cogo.lease_clock is
  'One row: before next_expiry no claim needs to look for expired leases.';
alter table cogo.lease_clock enable row level security;

create table if not exists cogo.queue_samples (
  at timestamptz not null,
  lane text not null,
  queued bigint not null,
  running bigint not null,
  waiting bigint not null,
  delayed bigint not null,
  dead bigint not null,
  primary key (at, lane)
);
comment on table cogo.queue_samples is
  'How many subtasks lanes held, once a minute. See cogo.sample_queue().';
comment on column cogo.queue_samples.lane is 'Empty: all lanes together.';
comment on column cogo.queue_samples.waiting is 'Waiting or held.';
alter table cogo.queue_samples enable row level security;

create table if not exists public.cogo_agents (
  id text not null primary key,
  kind text not null check (kind in ('orchestrator', 'executor')),
  lanes text[] not null default '{}',
  capacity integer not null default 0,
  running integer not null default 0,
  version text,
  host text,
  pid integer,
  details jsonb not null default '{}',
  started_at timestamptz not null default cogo.now(),
  heartbeat_at timestamptz not null default cogo.now(),
  stopped_at timestamptz
);
comment on table public.cogo_agents is
  'Agents, when they were last alive and what they serve. For operators only.';
alter table public.cogo_agents enable row level security;
