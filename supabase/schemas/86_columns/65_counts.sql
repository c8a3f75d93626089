-- Security definer: nobody else writes these numbers.
create or replace function cogo.count_cells()
  returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    insert into cogo.ai_counts (column_id, state, version, priority, cells)
    select n.column_id, n.state, n.version, n.priority, count(*) from new_rows n group by 1, 2, 3, 4;
  elsif tg_op = 'DELETE' then
    insert into cogo.ai_counts (column_id, state, version, priority, cells)
    select o.column_id, o.state, o.version, o.priority, -count(*) from old_rows o group by 1, 2, 3, 4;
  else
    insert into cogo.ai_counts (column_id, state, version, priority, cells)
    select c.column_id, c.state, c.version, c.priority, sum(c.cells)
      from (
        select n.column_id, n.state, n.version, n.priority, 1 as cells from new_rows n
        union all
        select o.column_id, o.state, o.version, o.priority, -1 from old_rows o
      ) as c
     group by 1, 2, 3, 4
    having sum(c.cells) <> 0;
  end if;
  return null;
end;
$$;
comment on function cogo.count_cells is
  'Note how the numbers of cells have changed.';
create or replace trigger count_inserted
  after insert on cogo.ai_cells
  referencing new table as new_rows
  for each statement execute function cogo.count_cells();
create or replace trigger count_updated
  after update on cogo.ai_cells
  referencing old table as old_rows new table as new_rows
  for each statement execute function cogo.count_cells();
create or replace trigger count_deleted
  after delete on cogo.ai_cells
  referencing old table as old_rows
  for each statement execute function cogo.count_cells();

create or replace function cogo.fold_counts(p_column_id uuid)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from cogo.ai_counts n where n.column_id = p_column_id offset 200
  ) then
    return;
  end if;
  with old as (
    delete from cogo.ai_counts n where n.column_id = p_column_id returning n.*
  )
  insert into cogo.ai_counts (column_id, state, version, priority, cells, usd)
  select p_column_id, o.state, o.version, o.priority, sum(o.cells), sum(o.usd)
    from old o
   group by 2, 3, 4
  having sum(o.cells) <> 0 or sum(o.usd) <> 0;
end;
$$;
comment on function cogo.fold_counts is
  'Add up the changes of the numbers of an AI column''s cells. The caller holds the lock of the column.';
