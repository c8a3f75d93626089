create table if not exists public.cogo_documents (
  id uuid not null default gen_random_uuid() primary key,
  owner uuid,
  source text not null,
  title text,
  sha256 text not null,
  characters integer not null default 0,
  chunks integer not null default 0,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default cogo.now(),
  updated_at timestamptz not null default cogo.now(),
  constraint cogo_documents_source unique nulls not distinct (owner, source)
);
comment on table public.cogo_documents is
  'Documents in long-term memory. Their texts are the chunks in cogo_memories.';
comment on column public.cogo_documents.source is 'What names it, such as a path; unique per owner.';
comment on column public.cogo_documents.sha256 is
  'Of the whole document: one that has not changed is not read again.';
alter table public.cogo_documents enable row level security;
drop policy if exists "owners read their documents" on public.cogo_documents;
create policy "owners read their documents" on public.cogo_documents
  for select to authenticated using (owner = (select auth.uid()));

-- Facts and chunks in one table, because they are searched together.
create table if not exists public.cogo_memories (
  id uuid not null default gen_random_uuid() primary key,
  seq bigint generated always as identity unique,
  owner uuid,
  kind text not null check (kind in ('fact', 'chunk')),
  content text not null,
  source text,
  document_id uuid references public.cogo_documents (id) on delete cascade,
  place integer,
  heading text,
  char_start integer,
  char_end integer,
  task_id uuid,
  session_id uuid,
  happened_at timestamptz,
  created_at timestamptz not null default cogo.now(),
  content_sha256 text not null,
  model_id text,
  dimensions integer,
  simulated boolean not null default false,
  embedded_at timestamptz,
  error text,
  data_policy text[] not null default '{}',
  constraint cogo_memories_kind check (
    case kind when 'chunk' then document_id is not null and place is not null
    else document_id is null end
  )
);
comment on table public.cogo_memories is
  'Long-term memory: facts, and chunks of documents. Search it with cogo_search_memory().';
comment on column public.cogo_memories.place is 'The number of a chunk in its document, from 0.';
comment on column public.cogo_memories.char_start is
  'Where a chunk begins in its document, in characters; char_end: where it ends.';
comment on column public.cogo_memories.task_id is
  'The task that remembered it, which may have been deleted; session_id: its session.';
comment on column public.cogo_memories.happened_at is 'When the fact happened or was so, if known.';
comment on column public.cogo_memories.model_id is
  'What made its vector, at embedded_at; null: it is found by its words alone.';
comment on column public.cogo_memories.data_policy is
  'The rules of the task that remembered it: they hold for its vector, and for tasks that find it.';
comment on column public.cogo_memories.simulated is 'Whether the vendor simulator made the vector.';
comment on column public.cogo_memories.error is 'Why it has no vector, if it was asked for in vain.';
create unique index if not exists cogo_memories_facts
  on public.cogo_memories (owner, content_sha256) nulls not distinct where kind = 'fact';
create unique index if not exists cogo_memories_chunks
  on public.cogo_memories (document_id, place) where document_id is not null;
create index if not exists cogo_memories_model on public.cogo_memories (model_id)
  where model_id is not null;
create index if not exists cogo_memories_simulated on public.cogo_memories (owner) where simulated;
create index if not exists cogo_memories_task on public.cogo_memories (task_id)
  where task_id is not null;
create index if not exists cogo_memories_owner on public.cogo_memories (owner, seq);
alter table public.cogo_memories enable row level security;
drop policy if exists "owners read their memories" on public.cogo_memories;
create policy "owners read their memories" on public.cogo_memories
  for select to authenticated using (owner = (select auth.uid()));

-- Beside the texts, so that lists do not read it.
create table if not exists cogo.memory_words (
  memory_id uuid not null primary key references public.cogo_memories (id) on delete cascade,
  owner uuid not null,
  kind text not null,
  source text collate "C",
  words tsvector not null
);
comment on table cogo.memory_words is
  'The words of each memory, for searches. The owner of what belongs to nobody is the nil UUID.';
-- The ids are random: a range of them is a sample of an owner's words.
create index if not exists memory_words_owner on cogo.memory_words (owner, memory_id);
create index if not exists memory_words_source on cogo.memory_words (owner, kind, source);
-- What waits in the list of an index would be read through in each search.
create index if not exists memory_words_words on cogo.memory_words using gin (words)
  with (fastupdate = off);
alter table cogo.memory_words enable row level security;

-- Parts of documents that are not whole yet. Nobody sees them.
create table if not exists cogo.document_parts (
  owner uuid not null,
  source text not null,
  sha256 text not null,
  total integer not null,
  first integer not null,
  chunks jsonb not null,
  created_at timestamptz not null default cogo.now(),
  primary key (owner, source, first)
);
comment on table cogo.document_parts is
  'Chunks of documents that are sent in parts, until all of them are there.';
alter table cogo.document_parts enable row level security;

create table if not exists cogo.follow_ups (
  task_id uuid not null primary key references public.cogo_tasks (id) on delete cascade,
  purpose text not null check (purpose in ('embed', 'summary', 'extract')),
  owner uuid,
  refs jsonb not null default '{}',
  tries integer not null default 0,
  due_at timestamptz not null default cogo.now(),
  applied_at timestamptz,
  error text,
  created_at timestamptz not null default cogo.now(),
  is_ending boolean not null default false
);
comment on table cogo.follow_ups is
  'Tasks that memory has asked for. refs says what they are about.';
comment on column cogo.follow_ups.applied_at is
  'When its result was taken or given up; the task is deleted as soon as nobody runs it.';
comment on column cogo.follow_ups.is_ending is
  'A text of it was forgotten while it was called: that call is paid, and the last one.';
create index if not exists follow_ups_due on cogo.follow_ups (due_at);
alter table cogo.follow_ups enable row level security;

create table if not exists cogo.embedding_queue (
  memory_id uuid not null primary key references public.cogo_memories (id) on delete cascade,
  owner uuid not null,
  seq bigint not null,
  task_id uuid,
  tries smallint not null default 0,
  due_at timestamptz not null default cogo.now()
);
comment on table cogo.embedding_queue is
  'Memories that have no vector yet, or need another, and the task that was asked for it.';
create index if not exists embedding_queue_waiting on cogo.embedding_queue (owner, seq)
  where task_id is null;
create index if not exists embedding_queue_asked on cogo.embedding_queue (task_id)
  where task_id is not null;
alter table cogo.embedding_queue enable row level security;
