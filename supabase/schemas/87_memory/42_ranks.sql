-- What must not choose the index is within coalesce.
create or replace function cogo.read_filtered_words(p_filter text, p_queries text[])
  returns text language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select format(
    'select w.memory_id as id, w.words from cogo.memory_words w
      where w.owner = $1 and %s and coalesce(w.words @@ %L::tsquery, false)',
    p_filter, p_queries[4]
  );
$$;
comment on function cogo.read_filtered_words is
  'Return the statement that reads what passes a filter and has any word, where few texts pass.';

create or replace function cogo.read_found_words(p_filter text, p_queries text[])
  returns text language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select string_agg(
           format(
             '(select w.memory_id as id, w.words from cogo.memory_words w
                where w.owner = $1 and coalesce(%s, false) and w.words @@ %L::tsquery %s limit %s)',
             p_filter, q.query,
             case when q.before is not null then format('and not w.words @@ %L::tsquery', q.before) end,
             case q.nth when 2 then 300 else 150 end
           ), ' union all ' order by q.nth
         )
    from (
      select u.query, u.nth,
             string_agg('(' || u.query || ')', ' | ') over (
               order by u.nth rows between unbounded preceding and 1 preceding
             ) as before
        from unnest(p_queries[1:3]) with ordinality as u (query, nth) where u.query is not null
    ) as q;
$$;
comment on function cogo.read_found_words is
  'Return the statement that reads texts with all words, then with pairs of rare ones, then with any.';

-- Ranks by how rare the words of the query are, how often a text has them, and how long it is, as BM25
-- does. Rare words find what common ones only rank; of what they find, texts that have more of them
-- come first: among many, some hundred texts are ranked.
create or replace function cogo.search_words(
  p_owner uuid, p_filter text, p_words text[], p_total double precision, p_share double precision,
  p_length double precision, p_frequencies double precision[], p_limit integer, p_also uuid[]
)
  returns table (id uuid, score double precision)
  language plpgsql stable set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set jit = off set max_parallel_workers_per_gather = 0
as $$
declare
  v_queries text[];
  v_rank text;
begin
  with words as (
    select cogo.quote_word(f.word) as query, f.frequency,
           ln(1 + (p_total * (1 - f.frequency) + 0.5) / (p_total * f.frequency + 0.5)) as weight
      from unnest(p_words, p_frequencies) as f (word, frequency)
     order by f.frequency, f.word limit 8
  ), summed as (
    select w.*, sum(w.frequency) over (order by w.frequency, w.query) as found,
           row_number() over (order by w.frequency, w.query) as nth
      from words w
  )
  select array[
           string_agg(s.query, ' & '),
           (
             select string_agg(p.query, ' | ') filter (where p.nth = 1 or p.found * p_total <= 2000)
               from (
                 select a.query || ' & ' || b.query as query,
                        sum(a.frequency * b.frequency) over pairs as found,
                        row_number() over pairs as nth
                   from summed a join summed b on a.nth < b.nth and b.nth <= 4
                 window pairs as (order by a.frequency * b.frequency, a.nth, b.nth)
               ) as p
           ),
           string_agg(s.query, ' | ') filter (
             where s.nth = 1 or s.found * p_total * greatest(p_share, 0.002) <= 1000
           ),
           string_agg(s.query, ' | ')
         ],
         string_agg(
           format('%s * ts_rank(''{1,1,1,1}'', w.words, %L::tsquery)', s.weight, s.query), ' + '
         )
    into v_queries, v_rank
    from summed s;
  if v_rank is null then
    return;
  end if;
  return query execute format(
    'with texts as (
       %2$s union all
       select w.memory_id as id, w.words from cogo.memory_words w
        where w.owner = $1 and w.memory_id = any ($4)
     ), scored as (
       select distinct w.id, (%1$s) / (0.7 + 0.3 * length(w.words) / $3) as score from texts w
     ), ranked as (
       select s.*, row_number() over (order by s.score desc, s.id) as place
         from scored s where s.score > 0
     )
     select r.id, r.score from ranked r where r.place <= $2 or r.id = any ($4)',
    v_rank,
    case when p_total * p_share <= 2000
      then cogo.read_filtered_words(p_filter, v_queries) else cogo.read_found_words(p_filter, v_queries)
    end
  ) using p_owner, p_limit, greatest(p_length, 1), p_also;
end;
$$;
comment on function cogo.search_words is
  'Return the memories of an owner whose words fit best, and those of p_also that have any of the words.
The rest is what cogo.sample_words() says.';
