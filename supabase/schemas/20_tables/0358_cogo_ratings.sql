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
  'What people think of answers, one row for a task and person. The nil uuid is an operator.';
comment on column public.cogo_ratings.score is '1 is good, 0 is bad.';

create index if not exists cogo_ratings_model on public.cogo_ratings (model_id, rated_at);

alter table public.cogo_ratings enable row level security;
drop policy if exists "owners read the ratings of their tasks" on public.cogo_ratings;
create policy "owners read the ratings of their tasks" on public.cogo_ratings
  for select to authenticated using (
    exists (
      select from public.cogo_tasks t where t.id = task_id and t.owner = (select auth.uid())
    )
  );

revoke all on public.cogo_ratings from public, anon, authenticated, service_role;
grant select on public.cogo_ratings to authenticated;
grant select, insert, update, delete on public.cogo_ratings to service_role;
