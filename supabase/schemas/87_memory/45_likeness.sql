create or replace function cogo.set_vector_search(p_width text, p_iterates text)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform set_config('hnsw.ef_search', p_width, true);
  -- Before 0.8 a walk ends although few of what it has seen pass the filter.
  if exists (
    select from pg_catalog.pg_extension e
     where e.extname = 'vector' and string_to_array(e.extversion, '.')::integer[] >= array[0, 8]
  ) then
    perform set_config('hnsw.iterative_scan', p_iterates, true);
  end if;
end;
$$;
comment on function cogo.set_vector_search is 'Set how pgvector walks its indexes in this transaction.';

create or replace function cogo.build_vector_search(
  p_table regclass, p_filter text, p_is_exact boolean
)
  returns text language sql stable set search_path = pg_catalog, pg_temp
as $$
  select format(
    'with near as materialized (
       select w.id, w.vector operator(%1$s.<=>) %2$s as distance
         from %3$s w
        where %4$s %5$s
     ), first as (
       select n.* from near n where n.distance <> ''NaN'' order by n.distance, n.id limit $5
     )
     select array_agg(f.id order by f.distance, f.id),
            array_agg(1 - f.distance order by f.distance, f.id)
       from first f',
    t.types, t.query, p_table,
    -- What must not choose another index is within coalesce.
    format(
      case when p_is_exact then '%s' else 'coalesce(%s, false)' end,
      'w.owner = $2 and w.model_id = $3 and w.simulated = $4 and ' || p_filter
    ),
    case when not p_is_exact then
      format('order by w.vector operator(%s.<=>) %s limit $5', t.types, t.query)
    end
  )
  from (
    select f.types, format('%1$s.l2_normalize($1::%1$s.vector)::%1$s.halfvec', f.types) as query
      from cogo.find_vector_types() as f (types)
  ) as t;
$$;
comment on function cogo.build_vector_search is 'Return the statement of cogo.search_vectors().';

-- Reads all vectors of an owner while they are few, else walks the graph of the index, which has those
-- of all owners: the smaller the share that passes, the longer the walk.
create or replace function cogo.search_vectors(
  p_table regclass, p_owner uuid, p_filter text, p_model_id text, p_simulated boolean,
  p_vector real[], p_expected double precision, p_limit integer
)
  returns table (id uuid, likeness double precision)
  language plpgsql set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set jit = off set max_parallel_workers_per_gather = 0
as $$
declare
  v_width constant text := coalesce(current_setting('hnsw.ef_search', true), '40');
  v_iterates constant text := coalesce(current_setting('hnsw.iterative_scan', true), 'off');
  v_share constant double precision := greatest(p_expected, 1) / greatest(
    (select c.reltuples from pg_catalog.pg_class c where c.oid = p_table), p_expected, 1
  );
  v_ids uuid[];
  v_likeness double precision[];
begin
  if p_expected > greatest(2000, 400 / v_share) then
    perform cogo.set_vector_search(greatest(200, least(p_limit, 1000))::text, 'relaxed_order');
    execute cogo.build_vector_search(p_table, p_filter, false)
      into v_ids, v_likeness using p_vector, p_owner, p_model_id, p_simulated, p_limit;
    perform cogo.set_vector_search(v_width, v_iterates);
  end if;
  -- Also where the walk has ended before it found enough.
  if coalesce(cardinality(v_ids), 0) < p_limit then
    execute cogo.build_vector_search(p_table, p_filter, true)
      into v_ids, v_likeness using p_vector, p_owner, p_model_id, p_simulated, p_limit;
  end if;
  return query select u.id, u.likeness from unnest(v_ids, v_likeness) as u (id, likeness);
end;
$$;
comment on function cogo.search_vectors is
  'Return the vectors of an owner that are most like one, best first. p_expected is about how many pass
the filter.';

create or replace function cogo.count_vectors(p_table regclass, p_owner uuid)
  returns integer language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_count integer;
begin
  execute format(
    'select count(*) from (select from %s w where w.owner = $1 limit 20000) as v', p_table
  ) into v_count using p_owner;
  return v_count;
end;
$$;
comment on function cogo.count_vectors is 'Return how many vectors an owner has, at most 20,000.';
