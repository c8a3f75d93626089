-- Documents that are found by what they mean, with pgvector.
create extension if not exists vector with schema extensions;

create table public.documents (
  id bigint generated always as identity primary key,
  title text not null,
  body text not null,
  embedding extensions.vector(1536)
);
create index on public.documents using hnsw (embedding extensions.vector_cosine_ops);

alter table public.documents enable row level security;
create policy "users read" on public.documents for select to authenticated using (true);
grant select on public.documents to authenticated;

-- Vectors of different models cannot be compared: name one, and search with the same.
select cogo.ai_column(
  'public.documents', 'embedding',
  prompt => '{title} {body}',
  model => 'text-embedding-3-small',
  max_usd_per_day => 1
);

-- Not security definer: row level security decides what a caller finds.
create function public.match_documents(query extensions.vector(1536), count integer default 5)
  returns table (id bigint, title text, similarity double precision)
  language sql stable set search_path = ''
as $$
  select d.id, d.title, 1 - (d.embedding operator(extensions.<=>) query)
    from public.documents d
   where d.embedding is not null
   order by d.embedding operator(extensions.<=>) query
   limit least(count, 100)
$$;
revoke execute on function public.match_documents from public, anon;
grant execute on function public.match_documents to authenticated, service_role;
