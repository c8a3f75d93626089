-- Security definer: owners may not write the table. Users delete only their own rows; p_owner is
-- ignored.
create or replace function public.cogo_forget_embeddings(
  p_owner uuid default null,
  p_every_owner boolean default false,
  p_ids uuid[] default null,
  p_model_id text default null,
  p_content text default null,
  p_source text default null,
  p_before timestamptz default null,
  p_dry_run boolean default false
)
  returns table (forgotten integer)
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_operator constant boolean := cogo.is_operator();
  v_owner constant uuid := case when v_operator then p_owner else auth.uid() end;
  v_ids uuid[];
begin
  if num_nonnulls(p_ids, p_model_id, p_content, p_source, p_before) = 0 then
    raise exception using
      errcode = 'TQ004',
      message = 'name the texts by p_ids, p_model_id, p_content, p_source or p_before '
                '(infinity: all of them)';
  end if;
  -- In a fixed order, so that it cannot deadlock with a writer of the same texts.
  select coalesce(array_agg(m.id), '{}') into v_ids
    from (
      select e.id
        from public.cogo_embeddings e
       where (
               e.owner = v_owner
               or v_operator and (p_every_owner or e.owner is null and v_owner is null)
             )
         and (p_ids is null or e.id = any (p_ids))
         and (p_model_id is null or e.model_id = p_model_id)
         and (
           p_content is null
           or e.content_sha256 = encode(sha256(convert_to(p_content, 'UTF8')), 'hex')
         )
         and (p_source is null or e.source = p_source)
         and (p_before is null or e.created_at < p_before)
       order by e.model_id, e.dimensions, e.simulated, e.content_sha256
         for update
    ) as m;
  if not coalesce(p_dry_run, false) then
    delete from public.cogo_embeddings e where e.id = any (v_ids);
  end if;
  forgotten := cardinality(v_ids);
  return next;
end;
$$;
comment on function public.cogo_forget_embeddings is
  'Delete stored texts with their vectors: those that match every given argument. Users delete their
own; operators those of an owner (null: of nobody) or, with p_every_owner, of all. Return how many;
p_dry_run only counts them.';
