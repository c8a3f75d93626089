create table if not exists public.cogo_model_selections (
  id uuid not null default gen_random_uuid() primary key,
  request_id uuid,
  task_id uuid references public.cogo_tasks (id) on delete cascade,
  subtask_id uuid references cogo.subtasks (id) on delete cascade,
  requested_model text,
  selected_model text,
  provider text,
  policy text,
  requirements jsonb not null default '{}',
  candidates jsonb not null default '[]',
  reason text,
  agent_id text,
  created_at timestamptz not null default cogo.now()
);
comment on table public.cogo_model_selections is
  'Every selection of a model with its candidates and reason; task_id is null for an inquiry.';
comment on column public.cogo_model_selections.candidates is
  'Columns: model_id and provider of each candidate, the ranking first; expected has the numbers of those
in the ranking, by name; notes what only some have, by model_id. Before, one object for each candidate.';
create index if not exists cogo_model_selections_task
  on public.cogo_model_selections (task_id, created_at);
comment on column public.cogo_model_selections.request_id is
  'The id of the request message. Several orchestrators receive it; the first answer counts.';
create unique index if not exists cogo_model_selections_request
  on public.cogo_model_selections (request_id) where request_id is not null;
-- For the cascade from a deleted subtask.
create index if not exists cogo_model_selections_subtask
  on public.cogo_model_selections (subtask_id);
alter table public.cogo_model_selections enable row level security;
drop policy if exists "who reads a task reads its selections" on public.cogo_model_selections;
create policy "who reads a task reads its selections" on public.cogo_model_selections
  for select to authenticated using (
  exists (select from public.cogo_tasks t where t.id = task_id)
);

create table if not exists public.cogo_ratings (
  task_id uuid not null references public.cogo_tasks (id) on delete cascade,
  person uuid not null default '00000000-0000-0000-0000-000000000000',
  score numeric not null check (score between 0 and 1),
  comment text,
  model_id text not null,
  task_type text not null,
  rated_at timestamptz not null default cogo.now(),
  primary key (task_id, person)
);
comment on table public.cogo_ratings is
  'Ratings of answers, one row per task and person. The nil uuid is an operator.';
comment on column public.cogo_ratings.score is '1 is good, 0 is bad.';
create index if not exists cogo_ratings_model on public.cogo_ratings (model_id, rated_at);
alter table public.cogo_ratings enable row level security;
drop policy if exists "who reads a task reads its ratings" on public.cogo_ratings;
create policy "who reads a task reads its ratings" on public.cogo_ratings
  for select to authenticated using (
  exists (select from public.cogo_tasks t where t.id = task_id)
);

create table if not exists cogo.controls (
  scope text not null,
  subject text not null,
  action text not null check (action in ('pin', 'ban', 'drain')),
  reason text not null,
  who text not null,
  set_at timestamptz not null default cogo.now(),
  primary key (scope, subject)
);
comment on table cogo.controls is
  'Operators'' controls of models and providers. Without a row everything is allowed.';
comment on column cogo.controls.scope is 'everywhere, owner:<uuid> or task_type:<type>.';
comment on column cogo.controls.action is
  'pin: preferred to all others; ban: never selected; drain: only for tasks that name it.';
create unique index if not exists controls_pin on cogo.controls (scope) where action = 'pin';
alter table cogo.controls enable row level security;

create table if not exists cogo.policies (
  owner uuid not null primary key,
  policy text not null,
  who text not null,
  set_at timestamptz not null default cogo.now()
);
comment on table cogo.policies is
  'The selection policy of an owner''s tasks; the nil uuid stands for the default of all.';
alter table cogo.policies enable row level security;

create table if not exists public.cogo_model_switches (
  seq bigint generated always as identity primary key,
  at timestamptz not null default cogo.now(),
  kind text not null check (kind in ('health', 'control', 'policy')),
  subject text not null,
  scope text not null default 'everywhere',
  was text,
  became text not null,
  reason text not null,
  numbers jsonb not null default '{}',
  who text not null
);
comment on table public.cogo_model_switches is
  'Every change of which models may be selected: by health or by operators. For operators only.';
comment on column public.cogo_model_switches.subject is 'A model, a provider, or the word policy.';
comment on column public.cogo_model_switches.scope is 'everywhere, owner:<uuid> or task_type:<type>.';
create index if not exists cogo_model_switches_at on public.cogo_model_switches (at);
alter table public.cogo_model_switches enable row level security;
