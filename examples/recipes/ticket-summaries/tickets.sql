-- Tickets of users, with a summary and an urgency that models write.
create type public.urgency as enum ('low', 'normal', 'high');

create table public.tickets (
  id bigint generated always as identity primary key,
  user_id uuid not null default auth.uid(),
  subject text not null,
  body text not null,
  summary text,
  urgency public.urgency
);

-- Users see and insert their own tickets. They may not write what models write.
alter table public.tickets enable row level security;
create policy "owners read" on public.tickets
  for select to authenticated using (user_id = (select auth.uid()));
create policy "owners insert" on public.tickets
  for insert to authenticated with check (user_id = (select auth.uid()));
grant select, insert (subject, body) on public.tickets to authenticated;

-- Pages are told when a row changes.
alter publication supabase_realtime add table public.tickets;

-- The task of a row belongs to its user: it counts for their cap, and nobody else sees it.
select cogo.ai_column(
  'public.tickets', 'summary',
  prompt => 'Summarise this ticket in one sentence. {subject} {body}',
  owner_column => 'user_id',
  max_usd_per_day => 2
);
select cogo.ai_column(
  'public.tickets', 'urgency',
  prompt => 'How urgent is this ticket? {subject} {body}',
  owner_column => 'user_id',
  max_usd_per_day => 1
);
