-- One narrow row per deployment. The counts decay with a time constant of 60 seconds.
create table if not exists cogo.deployments (
  deployment text not null primary key,
  model_id text,
  provider text,
  state text not null default 'closed' check (state in ('closed', 'open', 'half_open')),
  open_until timestamptz,
  openings integer not null default 0,
  not_before timestamptz,
  trial_id uuid,
  trial_agent text,
  trial_until timestamptz,
  answered double precision not null default 0,
  failed double precision not null default 0,
  counted_at timestamptz not null default cogo.now(),
  consecutive integer not null default 0,
  failing_since timestamptz,
  last_error jsonb,
  last_error_at timestamptz,
  changed_at timestamptz not null default cogo.now()
) with (fillfactor = 50);
comment on table cogo.deployments is
  'The circuit breaker of each deployment, shared by all executors, with the numbers.';
comment on column cogo.deployments.state is
  'closed: calls pass; open: none until open_until; half_open: only that of trial_agent.';
comment on column cogo.deployments.openings is
  'How often it opened since the last answer; each time it stays open twice as long.';
comment on column cogo.deployments.not_before is 'The vendor''s Retry-After, which is no failure.';
alter table cogo.deployments enable row level security;

create table if not exists cogo.deployment_agents (
  deployment text not null references cogo.deployments (deployment) on delete cascade,
  agent_id text not null,
  report bigint not null default 0,
  unreachable integer not null default 0,
  unreachable_at timestamptz,
  concurrency integer,
  running integer,
  reported_at timestamptz not null default cogo.now(),
  primary key (deployment, agent_id)
) with (fillfactor = 50);
comment on table cogo.deployment_agents is
  'Each executor''s view of a deployment: its concurrency and its failed connections.';
comment on column cogo.deployment_agents.report is
  'The number of the last counted report. Numbers only grow, so no report is counted twice.';
comment on column cogo.deployment_agents.unreachable is
  'Failed connections in a row. Those of one executor alone open no circuit.';
alter table cogo.deployment_agents enable row level security;

create table if not exists cogo.buckets (
  bucket text not null primary key,
  tokens double precision not null default 0,
  refilled_at timestamptz,
  request_id uuid
) with (fillfactor = 50);
comment on table cogo.buckets is
  'Token buckets of the rate limits that executors share; the rates are in the catalogue.';
comment on column cogo.buckets.request_id is 'The last granted draw, so that it can be repeated.';
alter table cogo.buckets enable row level security;
