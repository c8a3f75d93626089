create or replace function cogo.empty_column(p_column_id uuid, p_seq bigint, p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_keys jsonb[] := array(
    select c.key from cogo.ai_cells c where c.column_id = p_column_id limit p_limit
  );
begin
  perform cogo.drop_tasks(p_column_id, cogo.delete_cells(p_column_id, v_keys));
  -- Later edits wait until nothing of the time before is left.
  if cardinality(v_keys) < p_limit then
    delete from cogo.ai_edits e where e.column_id = p_column_id and e.seq <= p_seq;
  end if;
  return p_limit;
end;
$$;
comment on function cogo.empty_column is
  'Delete cells of a table that was truncated, and then what was noted before.';

create or replace function cogo.collect_edits(p_column cogo.ai_columns, p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  v_ops text[];
  v_xids xid8[];
  v_keys jsonb[];
  v_old jsonb[];
  v_by_person boolean[];
  v_dropped uuid[];
  v_truncated bigint;
  v_seq bigint;
  v_xid xid8;
begin
  v_truncated := (
    select e.seq from cogo.ai_edits e
     where e.column_id = p_column.id and (e.old_key is not null or e.key is null)
       and e.op between 'TRUNCATE' and 'TRUNCATE'
     -- In the order of the index that has only these, and no other.
     order by e.op desc, e.seq desc limit 1
  );
  if v_truncated is not null then
    return cogo.empty_column(p_column.id, v_truncated, 10 * p_limit);
  end if;
  -- The edits of a transaction belong together: one gives a key to a row that another has taken away.
  select e.seq, e.xid into v_seq, v_xid
    from cogo.ai_edits e where e.column_id = p_column.id
   order by e.seq offset p_limit - 1 limit 1;
  v_seq := coalesce(
    (
      select max(n.seq)
        from (
          select e.seq, e.xid
            from cogo.ai_edits e where e.column_id = p_column.id and e.seq > v_seq
           order by e.seq limit 5000
        ) as n
       where n.xid = v_xid
    ), v_seq
  );
  with taken as (
    delete from cogo.ai_edits e
     where e.column_id = p_column.id and (v_seq is null or e.seq <= v_seq)
    returning e.*
  )
  select array_agg(t.op order by t.seq), array_agg(t.key order by t.seq),
         array_agg(t.old_key order by t.seq), array_agg(t.xid order by t.seq),
         array_agg(t.by_person order by t.seq)
    into v_ops, v_keys, v_old, v_xids, v_by_person
    from taken t;
  if v_ops is null then
    return 0;
  end if;
  v_keys := cogo.cast_keys(p_column, v_keys);
  if array_remove(v_old, null) <> '{}' then
    v_old := cogo.cast_keys(p_column, v_old);
    v_dropped := cogo.follow_keys(p_column, v_ops, v_xids, v_old, v_keys);
  else
    v_dropped := cogo.delete_cells(
      p_column.id,
      array(select k.key from unnest(v_keys, v_ops) as k (key, op) where k.op = 'INSERT')
    );
  end if;
  perform cogo.examine_rows(
    p_column, array(select distinct k from unnest(v_keys || v_old) k where k is not null),
    p_by_persons => array(
      select e.key
        from (
          select k.key, count(*) over (partition by k.xid) as edits
            from unnest(v_keys, v_xids, v_by_person) as k (key, xid, by_person)
           where k.by_person
        ) as e
       -- Nobody writes more by hand in one transaction.
       where e.edits <= 10
    )
  );
  perform cogo.drop_tasks(p_column.id, v_dropped);
  return cardinality(v_ops);
end;
$$;
comment on function cogo.collect_edits is
  'Look at rows that were written; return how many edits that were.';

create or replace function cogo.sweep_cells(p_column cogo.ai_columns, p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_keys jsonb[];
  v_gone jsonb[];
begin
  if p_column.sweep_after is null then
    return 0;
  end if;
  v_keys := array(
    select c.key from cogo.ai_cells c
     where c.column_id = p_column.id and c.key > p_column.sweep_after
     order by c.key limit p_limit
  );
  perform cogo.examine_rows(p_column, v_keys, true);
  v_gone := array(
    select r.asked_key
      from cogo.read_rows(cogo.describe_row(p_column, p_column.version), v_keys) r
     where not r.is_there
  );
  if v_gone <> '{}' then
    if cogo.has_moved(p_column.id) then
      return 0;
    end if;
    perform cogo.drop_tasks(p_column.id, cogo.delete_cells(p_column.id, v_gone));
  end if;
  update cogo.ai_columns c
     set sweep_after = case when cardinality(v_keys) = p_limit then v_keys[p_limit] end
   where c.id = p_column.id;
  return cardinality(v_keys);
end;
$$;
comment on function cogo.sweep_cells is
  'Look at the rows of the next cells again; return how many. Finds what no trigger tells.';
