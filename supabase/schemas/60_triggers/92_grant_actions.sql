create or replace function cogo.add_names(p_names jsonb, p_more jsonb)
  returns jsonb language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case when p_more is null then p_names else coalesce(p_names, '{}') || (
    select jsonb_object_agg(m.key, coalesce(p_names -> m.key, '[]') || m.value)
      from jsonb_each(p_more) m
  ) end;
$$;
comment on function cogo.add_names is 'Return lists of names by kind with more of them.';

-- Security definer: nobody may write the log of actions. The row that is changed was added by the same
-- transaction, so nobody has read it yet.
create or replace function cogo.record_grants()
  returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_removed cogo.grants[];
  v_added cogo.grants[];
  v_changed record;
begin
  if tg_op <> 'INSERT' then
    v_removed := array(select (r.owner, r.kind, r.name)::cogo.grants from removed r);
  end if;
  if tg_op <> 'DELETE' then
    v_added := array(select (a.owner, a.kind, a.name)::cogo.grants from added a);
  end if;
  for v_changed in
    select k.subject,
           jsonb_object_agg(k.kind, k.names) filter (where not k.is_added) as before,
           jsonb_object_agg(k.kind, k.names) filter (where k.is_added) as after
      from (
        select case c.owner when '00000000-0000-0000-0000-000000000000' then 'none'
                            else c.owner::text end as subject,
               c.kind, c.is_added, jsonb_agg(c.name order by c.name) as names
          from (
            select r.*, false as is_added from unnest(v_removed) r
             where (r = any (v_added)) is not true
            union all
            select a.*, true from unnest(v_added) a where (a = any (v_removed)) is not true
          ) c
         group by c.owner, c.kind, c.is_added
      ) k
     group by k.subject
     order by k.subject
  loop
    update public.cogo_actions a
       set before = cogo.add_names(a.before, v_changed.before),
           after = cogo.add_names(a.after, v_changed.after)
     where a.id = (
       select l.id
         from (select n.*, n.xmin as by from public.cogo_actions n order by n.id desc limit 100) l
        where l.kind = 'grant' and l.subject = v_changed.subject and l.by = pg_current_xact_id()::xid
        limit 1
     );
    if not found then
      perform cogo.add_action('grant', v_changed.subject, v_changed.before, v_changed.after);
    end if;
  end loop;
  return null;
end;
$$;
comment on function cogo.record_grants is
  'Record which grants of an owner a transaction removes (before) and adds (after), as one action. Of
triggers.';
create or replace trigger record_insertion
  after insert on cogo.grants
  referencing new table as added for each statement execute function cogo.record_grants();
create or replace trigger record_deletion
  after delete on cogo.grants
  referencing old table as removed for each statement execute function cogo.record_grants();
create or replace trigger record_action
  after update on cogo.grants
  referencing old table as removed new table as added
  for each statement execute function cogo.record_grants();
