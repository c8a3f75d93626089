create or replace function public.cogo_register_index(p_index text)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(p_index, '') !~ '^[A-Za-z0-9][A-Za-z0-9:._/-]{0,254}$' then
    raise exception using errcode = 'TQ004',
      message = 'p_index must be a name: letters, digits and :._/-';
  end if;
  insert into cogo.vector_indexes (name) values (p_index) on conflict do nothing;
end;
$$;
comment on function public.cogo_register_index is
  'Register an outer index of vectors: all that is there becomes a change that it has to make.';

create or replace function public.cogo_list_vector_changes(p_index text, p_limit integer default 100)
  returns table (
    seq bigint, id uuid, owner uuid, is_deleted boolean, "vector" real[], model_id text
  )
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select null::bigint, null::uuid, null::uuid, null::boolean, null::real[], null::text where false;
$$;
comment on function public.cogo_list_vector_changes is
  'Return the next changes that an outer index has to make, in order of seq.';

create or replace function public.cogo_confirm_vector_changes(p_index text, p_through bigint)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  update cogo.vector_indexes i
     set confirmed = greatest(i.confirmed, p_through) where i.name = p_index;
  if not found then
    raise exception using errcode = 'TQ002',
      message = format('there is no index %s: register it first', left(p_index, 100));
  end if;
end;
$$;
comment on function public.cogo_confirm_vector_changes is
  'Note that an outer index has made all changes up to a seq.';
