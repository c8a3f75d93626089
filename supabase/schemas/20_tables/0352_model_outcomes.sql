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
  'What became of a model''s attempts, by type of task: sums in which each weighs half after 7 days.';
comment on column cogo.model_outcomes.after is
  'Models whose answers to the same subtask a check had refused, in order; {} counts every attempt.';
comment on column cogo.model_outcomes.good is
  'How many of judged were good; what nobody verified counts as 0.8.';
comment on column cogo.model_outcomes.total_ms is 'Over the answered ones.';
comment on column cogo.model_outcomes.first_token_ms is 'Over the streamed ones.';
comment on column cogo.model_outcomes.cost_usd is 'Over the priced ones.';

alter table cogo.model_outcomes enable row level security;
revoke all on cogo.model_outcomes from public, anon, authenticated, service_role;
grant select, insert, update, delete on cogo.model_outcomes to service_role;
