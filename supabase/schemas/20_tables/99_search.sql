-- Beside the tasks, whose rows change several times in their lives. A task is added after its end; until
-- then searches read its texts.
create table if not exists cogo.task_words (
  task_id uuid not null primary key references public.cogo_tasks (id) on delete cascade,
  seq bigint not null,
  words tsvector not null,
  models text[] not null default '{}'
);
comment on table cogo.task_words is
  'The words of ended tasks, of prompts and results, for searches, and the models that their attempts
asked.';
create index if not exists task_words_seq on cogo.task_words (seq);
-- What waits in the list of an index would be read through in each search.
create index if not exists task_words_words on cogo.task_words using gin (words)
  with (fastupdate = off);
create index if not exists task_words_models on cogo.task_words using gin (models)
  with (fastupdate = off);
alter table cogo.task_words enable row level security;

create table if not exists cogo.search_clock (
  id boolean not null default true primary key check (id),
  indexed_at timestamptz not null default '-infinity',
  indexed_seq bigint not null default 0,
  next_at timestamptz,
  next_xid xid8
);
comment on table cogo.search_clock is
  'Up to which end (finished_at, then seq) all tasks are in cogo.task_words. One row.';
comment on column cogo.search_clock.next_at is
  'Up to which end they may be added when all transactions before next_xid have ended.';
alter table cogo.search_clock enable row level security;
