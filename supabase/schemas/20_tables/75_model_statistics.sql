-- The transaction that closes an attempt appends a row, so that it never waits for a row of statistics;
-- cogo.count_outcomes() empties the table.
create table if not exists cogo.outcomes (
  seq bigint generated always as identity primary key,
  subtask_id uuid not null,
  attempt integer not null,
  is_judgement boolean not null default false
);
comment on table cogo.outcomes is
  'Attempts that ended or were judged, and that the statistics do not include yet.';
comment on column cogo.outcomes.is_judgement is
  'Whether its answer was judged; false: the attempt has ended.';
alter table cogo.outcomes enable row level security;

-- One row for each answer and what judged it. The last columns are what the sums hold of it, so that it
-- can be taken back. No foreign key: who counts waits for no one that deletes tasks, and
-- cogo.delete_subtask_records() deletes judgements with their subtask.
create table if not exists cogo.judgements (
  subtask_id uuid not null,
  attempt integer not null,
  source text not null,
  score double precision not null check (score between 0 and 1),
  judge text,
  judged_at timestamptz not null default cogo.now(),
  counted_at timestamptz,
  judged double precision not null default 0,
  good double precision not null default 0,
  known_good double precision not null default 0,
  known_bad double precision not null default 0,
  primary key (subtask_id, attempt, source)
);
comment on table cogo.judgements is
  'What is known of the worth of an answer, one row for each source of cogo.list_judgement_sources().
The strongest of an answer counts for its model, and says how far the others can be relied on.';
comment on column cogo.judgements.score is 'From 0 (bad) to 1 (good).';
comment on column cogo.judgements.judge is 'The model that judged, if one did.';
comment on column cogo.judgements.counted_at is
  'The time from which the weights that follow decay; null: they are not in the sums.';
comment on column cogo.judgements.judged is
  'Its weight in cogo.model_judgements; 0: a stronger judgement counts, or its owner has judged enough.';
comment on column cogo.judgements.known_good is
  'Like known_bad its weight in cogo.model_judgements, by what the strongest judgement says.';
alter table cogo.judgements enable row level security;

create table if not exists cogo.judgement_quotas (
  owner uuid not null,
  model_id text not null,
  kind text not null,
  source text not null,
  day date not null,
  answers integer not null,
  primary key (owner, model_id, kind, source, day)
);
comment on table cogo.judgement_quotas is
  'How many answers of a model were counted by judgements of one owner on a day.';
alter table cogo.judgement_quotas enable row level security;

create table if not exists cogo.model_judgements (
  model_id text not null,
  kind text not null,
  after text[] not null default '{}',
  source text not null,
  judged double precision not null default 0,
  good double precision not null default 0,
  known_good double precision not null default 0,
  passed_good double precision not null default 0,
  known_bad double precision not null default 0,
  passed_bad double precision not null default 0,
  counted_at timestamptz not null default cogo.now(),
  primary key (model_id, kind, after, source)
) with (fillfactor = 50);
comment on table cogo.model_judgements is
  'The worth of a model''s answers by kind of work and source: sums that decay with a half-life of 7
days. An answer counts by its strongest judgement.';
comment on column cogo.model_judgements.after is
  'The models whose answers to the same question failed before; {} counts every answer.';
comment on column cogo.model_judgements.judged is 'The sum of the strengths.';
comment on column cogo.model_judgements.good is 'The sum of the strengths times the scores.';
comment on column cogo.model_judgements.known_good is
  'Weight of the answers that the source judged too, and that a stronger judgement found good;
passed_good: of those that the source had accepted. known_bad and passed_bad likewise.';
alter table cogo.model_judgements enable row level security;

create table if not exists cogo.model_outcomes (
  model_id text not null,
  kind text not null,
  answered double precision not null default 0,
  total_ms double precision not null default 0,
  streamed double precision not null default 0,
  first_token_ms double precision not null default 0,
  priced double precision not null default 0,
  cost_usd double precision not null default 0,
  counted_at timestamptz not null default cogo.now(),
  cached_tokens double precision not null default 0,
  input_tokens double precision not null default 0,
  metered double precision not null default 0,
  output_tokens double precision not null default 0,
  called double precision not null default 0,
  calls_as_text double precision not null default 0,
  calls_failed double precision not null default 0,
  calls_rejected double precision not null default 0,
  calls_repaired double precision not null default 0,
  primary key (model_id, kind)
) with (fillfactor = 50);
comment on table cogo.model_outcomes is
  'What a model''s answers took, judged or not, by kind of work: sums that decay with a half-life of 7
days.';
comment on column cogo.model_outcomes.total_ms is 'Sum over answered attempts.';
comment on column cogo.model_outcomes.first_token_ms is 'Sum over streamed attempts.';
comment on column cogo.model_outcomes.cost_usd is 'Sum over priced attempts.';
comment on column cogo.model_outcomes.input_tokens is
  'Like cached_tokens and output_tokens a sum over metered attempts; of the whole prompt, the part that
was read from a cache included.';
comment on column cogo.model_outcomes.called is
  'Attempts in which the model called tools, answered or not. calls_repaired, calls_rejected and
calls_as_text are sums of the shares of their calls; calls_failed are those that ended with
bad_tool_calls.';
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
