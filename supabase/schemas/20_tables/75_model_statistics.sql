-- The transaction that closes an attempt appends a row, so that it never waits for a row of statistics;
-- cogo.count_outcomes() empties the table.
create table if not exists cogo.outcomes (
  seq bigint generated always as identity primary key,
  subtask_id uuid not null,
  attempt integer not null
);
comment on table cogo.outcomes is 'Ended attempts that the statistics do not include yet.';
alter table cogo.outcomes enable row level security;

create table if not exists cogo.model_outcomes (
  model_id text not null,
  task_type text not null,
  after text[] not null default '{}',
  judged double precision not null default 0,
  good double precision not null default 0,
  checked double precision not null default 0,
  passed double precision not null default 0,
  passed_good double precision not null default 0,
  answered double precision not null default 0,
  total_ms double precision not null default 0,
  streamed double precision not null default 0,
  first_token_ms double precision not null default 0,
  priced double precision not null default 0,
  cost_usd double precision not null default 0,
  counted_at timestamptz not null default cogo.now(),
  primary key (model_id, task_type, after)
) with (fillfactor = 50);
comment on table cogo.model_outcomes is
  'Outcomes of a model''s attempts by type of task: sums that decay with a half-life of 7 days.';
comment on column cogo.model_outcomes.after is
  'The models whose answers to the same question failed before; {} counts every attempt.';
comment on column cogo.model_outcomes.good is
  'How many of judged were good; an answer without verification counts as 0.8, code that was run as its
tests say.';
comment on column cogo.model_outcomes.total_ms is 'Sum over answered attempts.';
comment on column cogo.model_outcomes.first_token_ms is 'Sum over streamed attempts.';
comment on column cogo.model_outcomes.cost_usd is 'Sum over priced attempts.';
alter table cogo.model_outcomes enable row level security;

create table if not exists cogo.model_health (
  model_id text not null primary key,
  health text not null default 'ok' check (health in ('ok', 'degraded', 'open')),
  reason text,
  since timestamptz not null default cogo.now(),
  on_trial boolean not null default false,
  trips integer not null default 0,
  retry_at timestamptz,
  answered double precision not null default 0,
  failed double precision not null default 0,
  in_a_row integer not null default 0,
  paced double precision not null default 0,
  pace double precision not null default 0,
  usual_paced double precision not null default 0,
  usual_pace double precision not null default 0,
  counted_at timestamptz not null default cogo.now()
) with (fillfactor = 50);
comment on table cogo.model_health is
  'The current health of each model, evaluated from its traffic alone, with the numbers.';
comment on column cogo.model_health.health is
  'ok; degraded: worse or slower than usual; open: it does not answer.';
comment on column cogo.model_health.answered is
  'Like failed, paced and pace a sum that decays with a half-life of 30 seconds.';
comment on column cogo.model_health.pace is 'Sum of milliseconds per token of output.';
comment on column cogo.model_health.usual_pace is
  'The baseline: pace with a half-life of an hour, counted only while the model was ok.';
comment on column cogo.model_health.on_trial is
  'Whether it is ok only because time passed; then fewer failures degrade it again.';
comment on column cogo.model_health.trips is
  'How often in a row it was degraded or open: each time lasts longer.';
alter table cogo.model_health enable row level security;
