-- Plain arrays need no extension. With pgvector, `vector::vector` casts them, also in an index over one
-- model and dimension.
create table if not exists public.cogo_embeddings (
  id uuid not null primary key default gen_random_uuid(),
  owner uuid,
  model_id text not null,
  dimensions integer not null,
  simulated boolean not null default false,
  content_sha256 text not null,
  content text not null,
  source text,
  vector real[] not null,
  created_at timestamptz not null default cogo.now(),
  constraint cogo_embeddings_dimensions check (
    dimensions > 0 and cardinality(vector) = dimensions and array_ndims(vector) = 1
    and array_position(vector, null) is null
  ),
  constraint cogo_embeddings_once unique nulls not distinct (
    owner, model_id, dimensions, simulated, content_sha256
  )
);
comment on table public.cogo_embeddings is
  'Texts and their vectors. Only vectors of the same model and dimensions can be compared, so both are
part of the key.';
comment on column public.cogo_embeddings.source is 'Where the text came from, such as a file name.';
comment on column public.cogo_embeddings.simulated is 'Whether the vendor simulator made the vector.';
alter table public.cogo_embeddings enable row level security;
drop policy if exists "owners read their embeddings" on public.cogo_embeddings;
create policy "owners read their embeddings" on public.cogo_embeddings
  for select to authenticated using (owner = (select auth.uid()));
