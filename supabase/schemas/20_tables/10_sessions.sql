create table if not exists public.cogo_sessions (
  seq bigint generated always as identity primary key,
  id uuid not null default gen_random_uuid(),
  owner uuid,
  title text,
  created_at timestamptz not null default cogo.now(),
  forked_from uuid,
  -- Kept by cogo.count_messages(), so that no list and no claim has to count.
  last_message bigint,
  last_message_at timestamptz,
  messages integer not null default 0,
  revision integer not null default 0,
  summary_due_at timestamptz not null default '-infinity',
  summary_tries integer not null default 0,
  unsummarised bigint not null default 0,
  data_policy text[] not null default '{}',
  constraint cogo_sessions_owner_id unique nulls not distinct (owner, id)
);
comment on table public.cogo_sessions is
  'A conversation that tasks share, created by the first task that names it. Two owners may use the
same id; their sessions are separate.';
comment on column public.cogo_sessions.last_message is 'The seq of its newest message.';
comment on column public.cogo_sessions.revision is
  'Grows when a message is changed or deleted, which copies of the conversation do not notice.';
comment on column public.cogo_sessions.data_policy is
  'The rules of all tasks whose messages it has: they hold for whoever reads them.';
comment on column public.cogo_sessions.unsummarised is
  'Characters that a summary of the messages would be made of that the last one does not cover.';
comment on column public.cogo_sessions.summary_due_at is
  'Before that no summary is asked for: one is being made, or the last tries have failed.';
comment on column public.cogo_sessions.forked_from is
  'The session, of the same owner, from which it was copied. It may have been deleted.';
create index if not exists cogo_sessions_owner on public.cogo_sessions (owner, created_at);
alter table public.cogo_sessions enable row level security;
drop policy if exists "owners read their sessions" on public.cogo_sessions;
create policy "owners read their sessions" on public.cogo_sessions
  for select to authenticated using (owner = (select auth.uid()));
-- Sessions with enough to be summarised: cogo.ask_summaries() looks for them once a second.
create index if not exists cogo_sessions_unsummarised on public.cogo_sessions (summary_due_at)
  where unsummarised >= 24000;

create table if not exists cogo.session_summaries (
  session_seq bigint not null primary key
    references public.cogo_sessions (seq) on delete cascade,
  owner uuid,
  through bigint not null,
  content text not null,
  model_id text,
  simulated boolean not null default false,
  preferences jsonb not null default '{}',
  created_at timestamptz not null default cogo.now()
);
comment on table cogo.session_summaries is
  'What models are told of the older messages of a session; each summary is made of the last one and the
messages since.';
comment on column cogo.session_summaries.through is 'The seq of the newest message that it covers.';
comment on column cogo.session_summaries.preferences is
  'Those of the task that made it: the restrictions of all tasks whose messages it covers.';
alter table cogo.session_summaries enable row level security;

-- Copies outside the database delete what is named here; see cogo_forgotten_sessions().
create table if not exists cogo.forgotten_sessions (
  session_seq bigint not null primary key,
  forgotten_at timestamptz not null default cogo.now()
);
comment on table cogo.forgotten_sessions is
  'Sessions that were deleted in the last day: no owner and no text, only the number of the row.';
create index if not exists forgotten_sessions_time on cogo.forgotten_sessions (forgotten_at);
alter table cogo.forgotten_sessions enable row level security;
