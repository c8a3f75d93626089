create or replace function public.cogo_cached_answer(p_key text)
  returns table (answer jsonb, created_at timestamptz)
  language sql set search_path = pg_catalog, pg_temp
as $$
  update cogo.cached_answers c
     set hits = c.hits + 1
   where c.key = p_key and c.expires_at > cogo.now()
  returning c.answer, c.created_at;
$$;
comment on function public.cogo_cached_answer is
  'Return the cached answer of a key that has not expired, or no row.';

create or replace function public.cogo_cache_answer(
  p_key text, p_owner uuid, p_model_id text, p_answer jsonb, p_seconds integer
)
  returns table (key text, expires_at timestamptz)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  if coalesce(p_key, '') = '' or p_seconds is null or p_seconds <= 0
     or jsonb_typeof(p_answer) is distinct from 'object' then
    raise exception using
      errcode = 'TQ004', message = 'p_key must be given, p_answer an object, p_seconds 1 or more';
  end if;
  return query
    insert into cogo.cached_answers as c (key, owner, model_id, answer, expires_at)
    values (
      p_key, p_owner, p_model_id, p_answer, cogo.now() + make_interval(secs => p_seconds)
    )
    on conflict (key) do update
      set answer = excluded.answer,
          created_at = cogo.now(),
          expires_at = excluded.expires_at
    returning c.key, c.expires_at;
end;
$$;
comment on function public.cogo_cache_answer is
  'Cache an answer for p_seconds; housekeeping deletes it after that.';
