create table if not exists cogo.memory_vectors (
  id uuid not null primary key references public.cogo_memories (id) on delete cascade,
  vector real[] not null,
  error text
);
comment on table cogo.memory_vectors is
  'Vectors for outer indexes where pgvector is not installed. With it, those of N dimensions are in
cogo.memory_vectors_N, which is created with the first one.';
comment on column cogo.memory_vectors.error is 'Why pgvector does not take it.';
alter table cogo.memory_vectors enable row level security;

create table if not exists cogo.unindexed_embeddings (
  id uuid not null primary key references public.cogo_embeddings (id) on delete cascade,
  owner uuid not null,
  error text
);
comment on table cogo.unindexed_embeddings is
  'Stored texts whose vectors are not in pgvector: not yet, or the error says why they cannot be.';
create index if not exists unindexed_embeddings_owner on cogo.unindexed_embeddings (owner);
create index if not exists unindexed_embeddings_waiting on cogo.unindexed_embeddings (id)
  where error is null;
alter table cogo.unindexed_embeddings enable row level security;

create table if not exists cogo.vector_indexes (
  name text not null primary key,
  agent_id text,
  lease_expires_at timestamptz,
  created_at timestamptz not null default cogo.now()
);
comment on table cogo.vector_indexes is
  'Outer indexes of vectors, and the agent that brings one up to date.';
alter table cogo.vector_indexes enable row level security;

create sequence if not exists cogo.vector_change_numbers;
comment on sequence cogo.vector_change_numbers is
  'Numbers of cogo.vector_changes, given when they are listed: none is committed after a higher one.';
create table if not exists cogo.vector_changes (
  index_name text not null references cogo.vector_indexes (name) on delete cascade,
  memory_id uuid not null,
  owner uuid,
  is_deleted boolean not null,
  seq bigint,
  created_at timestamptz not null default cogo.now(),
  due_at timestamptz not null default cogo.now(),
  error text,
  tries integer not null default 0,
  primary key (index_name, memory_id)
);
comment on table cogo.vector_changes is
  'What outer indexes of vectors have to be told: the last change of each memory.';
comment on column cogo.vector_changes.tries is
  'How often the index has refused it; it is listed again at due_at.';
create index if not exists vector_changes_seq on cogo.vector_changes (index_name, seq, created_at);
alter table cogo.vector_changes enable row level security;
