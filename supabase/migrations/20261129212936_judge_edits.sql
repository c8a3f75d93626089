-- Judge edits.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

alter table cogo.ai_edits add column by_person boolean default false not null;

create or replace function cogo.collect_edits(p_column cogo.ai_columns, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
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
$function$;

create or replace function cogo.examine_rows(p_column cogo.ai_columns, p_keys jsonb[], p_is_sweep boolean DEFAULT false, p_by_persons jsonb[] DEFAULT '{}'::jsonb[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_material TO 'off'
AS $function$
declare
  v_now constant timestamptz := cogo.now();
  v_dropped uuid[];
  v_keys jsonb[];
  v_are_there boolean[];
  v_owners uuid[];
  v_sources bytea[];
  v_values bytea[];
  v_have_values boolean[];
  v_moving jsonb[];
  v_judged jsonb[];
  v_tasks uuid[];
begin
  select array_agg(r.key), array_agg(r.is_there), array_agg(r.owner), array_agg(r.source_hash),
         array_agg(r.value_hash), array_agg(r.has_value)
    into v_keys, v_are_there, v_owners, v_sources, v_values, v_have_values
    from cogo.read_rows(cogo.describe_row(p_column, p_column.version), p_keys) r;
  -- A later edit tells which row that is, and has it looked at again.
  v_moving := cogo.list_moving(p_column);
  with examined as materialized (
    select distinct on (r.key)
           r.key, r.is_there, r.owner, r.source_hash, r.value_hash,
           r.has_value and not p_column.overwrite as has_value,
           c.key is not null as has_cell, c.ctid as cell, c.state, c.task_id,
           coalesce(c.value_hash <> r.value_hash and not p_column.overwrite, false) as is_written,
           -- Versions with other sources cannot be compared.
           case
             when coalesce(c.version, p_column.version) = p_column.version
               or v.source_numbers = w.source_numbers then
               c.source_hash is distinct from r.source_hash
             else not p_is_sweep
           end as is_edited
      from unnest(v_keys, v_are_there, v_owners, v_sources, v_values, v_have_values)
             as r (key, is_there, owner, source_hash, value_hash, has_value)
      left join cogo.ai_cells c on c.column_id = p_column.id and c.key = r.key
      left join cogo.ai_column_versions v
        on v.column_id = p_column.id and v.version = c.version
      left join cogo.ai_column_versions w
        on w.column_id = p_column.id and w.version = p_column.version
     where r.key <> all (v_moving)
     order by r.key, r.is_there desc
  ), kept as (
    update cogo.ai_cells c
       set state = 'kept', value_hash = r.value_hash, owner = r.owner, task_id = null, reason = null,
           done_at = v_now
      from examined r
     where c.ctid = r.cell and r.is_there and r.is_written
       and c.state <> 'kept'
    returning r.key, r.state, r.task_id,
              -- Of other sources the answer may have been right.
              r.state = 'done' and not r.is_edited and r.task_id is not null
                and r.key = any (p_by_persons) as is_judged
  ), edited as (
    update cogo.ai_cells c
       set state = case when c.state in ('done', 'failed') then 'pending' else c.state end,
           priority = case when c.state = 'asked' then c.priority else 0 end,
           due_at = case when c.state in ('done', 'failed') then v_now else c.due_at end,
           tries = case when c.state = 'asked' then c.tries else 0 end,
           outages = case when c.state = 'asked' then c.outages else 0 end,
           reason = case when c.state = 'asked' then c.reason end,
           source_hash = case when c.state = 'asked' then c.source_hash else r.source_hash end,
           owner = r.owner
      from examined r
     where c.ctid = r.cell and r.is_there and r.is_edited
       and not r.is_written and c.state <> 'kept'
    returning r.state, r.task_id
  ), given as (
    update cogo.ai_cells c
       set owner = r.owner
      from examined r
     where c.ctid = r.cell and r.is_there
       and c.owner is distinct from r.owner
       and (c.state = 'kept' or not r.is_edited and not r.is_written)
  ), added as (
    insert into cogo.ai_cells (column_id, key, state, due_at, source_hash, value_hash, owner)
    select p_column.id, r.key, case when r.has_value then 'kept' else 'pending' end, v_now,
           r.source_hash, r.value_hash, r.owner
      from examined r
     where r.is_there and not r.has_cell and not p_is_sweep
    on conflict do nothing
  )
  select array(
           select distinct d.task_id
             from (
               select k.state, k.task_id from kept k union all select e.state, e.task_id from edited e
             ) as d
            where d.state = 'asked' and d.task_id is not null
         ),
         array(select k.key from kept k where k.is_judged order by k.key),
         array(select k.task_id from kept k where k.is_judged order by k.key)
    into v_dropped, v_judged, v_tasks;
  perform cogo.drop_tasks(p_column.id, v_dropped);
  if v_judged <> '{}' then
    perform cogo.judge_edits(p_column, v_judged, v_tasks);
  end if;
end;
$function$;

create or replace function cogo.fold_value(p_value text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
RETURN lower((regexp_replace(p_value, '\s+'::text, ''::text, 'g'::text) COLLATE "default"));

create or replace function cogo.install_trigger(p_column cogo.ai_columns)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_name constant text := cogo.name_trigger(p_column.id);
  v_new text;
  v_old text;
begin
  select string_agg(format('new.%I', k), ', '), string_agg(format('old.%I', k), ', ')
    into v_new, v_old from unnest(p_column.key_names) k;
  execute format(
    'create or replace function cogo.%I() returns trigger language plpgsql security definer '
    'set search_path = pg_catalog, pg_temp as %L',
    v_name,
    format(
      $body$
declare
  v_key jsonb;
  v_old_key jsonb;
  v_by_person boolean := false;
begin
  begin
    if tg_op = 'INSERT' then
      v_key := jsonb_build_array(%1$s);
    elsif tg_op = 'DELETE' then
      v_old_key := jsonb_build_array(%2$s);
    elsif %3$s then
      v_key := jsonb_build_array(%1$s);
      v_old_key := jsonb_build_array(%2$s);
    elsif %4$s then
      v_key := jsonb_build_array(%1$s);
    elsif (%5$s) and current_setting('cogo.writes', true) is distinct from %6$L then
      v_key := jsonb_build_array(%1$s);
      v_by_person := cogo.may_be_person();
    else
      return null;
    end if;
  exception
    -- A column was just renamed or dropped, or has another type than in the plans of this session.
    when undefined_column or datatype_mismatch then
      if tg_op <> 'DELETE' then
        v_key := cogo.find_key(%6$L, to_jsonb(new));
      end if;
      if tg_op <> 'INSERT' then
        v_old_key := cogo.find_key(%6$L, to_jsonb(old));
      end if;
  end;
  insert into cogo.ai_edits (column_id, op, key, old_key, by_person)
  values (%6$L, tg_op, v_key, v_old_key, v_by_person);
  return null;
end;
$body$,
      v_new, v_old,
      cogo.compare_columns(p_column.table_id, p_column.key_numbers),
      coalesce(
        (
          select cogo.compare_columns(
                   p_column.table_id, cogo.expand_virtual(p_column.table_id, v.source_numbers)
                 )
            from cogo.ai_column_versions v
           where v.column_id = p_column.id and v.version = p_column.version
        ), 'false'
      ),
      cogo.compare_columns(p_column.table_id, array[p_column.column_number]),
      p_column.id
    )
  );
  execute format('revoke all on function cogo.%I() from public', v_name);
  execute format(
    'comment on function cogo.%I() is %L', v_name,
    format(
      'Note which rows of %s were written, for its AI column %I. Security definer: writers of the table '
      'have no rights on what COGO notes.',
      cogo.show_table(p_column.table_id), p_column.column_name
    )
  );
end;
$function$;

create or replace function cogo.judge_edits(p_column cogo.ai_columns, p_keys jsonb[], p_tasks uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_material TO 'off'
AS $function$
declare
  v_row constant jsonb := cogo.describe_row(p_column, p_column.version);
  v_edit record;
begin
  for v_edit in
    execute format(
      'select k.task_id, r.value from unnest($1, $2) as k (key, task_id) '
      'cross join lateral (select t.%s::text as value from %s t where %s) as r',
      v_row ->> 'target', v_row ->> 'table', v_row ->> 'match'
    ) using p_keys, p_tasks
  loop
    perform cogo.record_judgement(f.subtask_id, f.attempt, 'edit', 0)
       from public.cogo_tasks t
      cross join cogo.find_answer(t.id) f
      where t.id = v_edit.task_id and f.subtask_id is not null
        and cogo.fold_value(v_edit.value) is distinct from cogo.fold_value(
          coalesce(t.result -> 'data' -> 'value' #>> '{}', t.result ->> 'text')
        );
  end loop;
end;
$function$;

drop function cogo.list_judgement_sources();

create or replace function cogo.list_judgement_sources()
 RETURNS TABLE(source text, place integer, bad double precision, good double precision, is_stated boolean)
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  values
    ('feedback', 1, 1::double precision, 1::double precision, false),
    ('approval', 2, 1, 0.5, true),
    ('speed', 3, 1, 0.8, true),
    ('run', 4, 1, 1, true),
    ('schema', 5, 1, 0.2, false),
    ('tools', 6, 1, 0.2, false),
    ('form', 7, 1, 0, false),
    ('edit', 8, 0.9, 0.2, false),
    ('common_tests', 9, 0.6, 0.6, true),
    ('written_tests', 10, 0.6, 0.6, true),
    ('own_tests', 11, 0.6, 0.3, true),
    ('review', 12, 0.5, 0.5, true),
    ('agreement', 13, 0.3, 0.3, true)
$function$;

create or replace function cogo.may_be_person()
 RETURNS boolean
 LANGUAGE sql
 STABLE
RETURN ((pg_trigger_depth() <= 1) AND (COALESCE(NULLIF(current_setting('role'::text, true), 'none'::text), (SESSION_USER)::text) <> ALL (ARRAY['service_role'::text, 'anon'::text])) AND (COALESCE(current_setting('application_name'::text, true), ''::text) !~~ 'pg\_cron%'::text));

create or replace function cogo.record_judgements(p_task_id uuid, p_items jsonb)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select cogo.record_judgement(
           a.subtask_id, a.attempt, i.item ->> 'source', (i.item -> 'score')::float8,
           judge.model_id
         )
    from jsonb_array_elements(p_items) with ordinality as i (item, nth)
    left join cogo.subtasks s on s.task_id = p_task_id and s.key = i.item ->> 'step'
    left join cogo.subtask_outputs o on o.subtask_id = s.id
    left join cogo.child_tasks k on k.subtask_id = s.id and s.kind = 'task'
    left join cogo.find_answer(coalesce(k.child_id, p_task_id), i.item ->> 'model') f
      on i.item ->> 'step' is null or k.child_id is not null
    join public.cogo_attempts a
      on a.subtask_id = coalesce(f.subtask_id, s.id)
     and a.attempt = coalesce(f.attempt, o.attempt)
     and a.outcome = 'completed'
    left join lateral (
      select j.model_id, j.usage -> 'derived' ->> 'maker' as maker
        from cogo.subtasks r
        join cogo.subtask_outputs q on q.subtask_id = r.id
        join public.cogo_attempts j on j.subtask_id = r.id and j.attempt = q.attempt
       where r.task_id = p_task_id and r.key = i.item ->> 'judge'
    ) as judge on true
   where cogo.is_model_lane(a.lane)
     and judge.model_id is distinct from a.model_id
     and (judge.maker = a.usage -> 'derived' ->> 'maker') is not true
   order by i.nth;
$function$;

create or replace function cogo.validate_judgements(p_items jsonb)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select case
           when coalesce(jsonb_typeof(p_items), 'null') = 'null' then null
           when jsonb_typeof(p_items) <> 'array' then 'judgements must be a list'
           when jsonb_array_length(p_items) > 3000 then 'judgements must be at most 3000'
           when exists (
             select from jsonb_array_elements(p_items) i
              where (
                i ->> 'source' in (
                  select c.source from cogo.list_judgement_sources() c where c.is_stated
                )
                and cogo.is_number_between(i -> 'score', 0, 1)
                and 'string' in (jsonb_typeof(i -> 'step'), jsonb_typeof(i -> 'model'))
              ) is not true
           ) then
             format(
               'judgements must each have a source (%s), a score from 0 to 1, and the key of a step or '
               'the name of a model',
               (
                 select string_agg(c.source, ', ' order by c.place)
                   from cogo.list_judgement_sources() c where c.is_stated
               )
             )
         end;
$function$;

create or replace function cogo.weigh_judgements(p_subtasks uuid[], p_attempts integer[], p_now timestamp with time zone)
 RETURNS TABLE(subtask_id uuid, attempt integer, source text, owner uuid, model_id text, kind text, is_passed boolean, is_new boolean, judged double precision, good double precision, known_good double precision, known_bad double precision, was cogo.judgements, at timestamp with time zone)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
  with ranked as materialized (
    select a.subtask_id, a.attempt, a.model_id, s.owner, cogo.find_kind(s.id) as kind, j as was,
           w.strength, w.strength * j.score as good,
           row_number() over (
             partition by j.subtask_id, j.attempt order by w.strength desc, c.place
           ) = 1 as is_best
      from unnest(p_subtasks, p_attempts) as t (subtask_id, attempt)
      join public.cogo_attempts a using (subtask_id, attempt)
      join cogo.subtasks s on s.id = a.subtask_id
      join cogo.judgements j on j.subtask_id = a.subtask_id and j.attempt = a.attempt
      join cogo.list_judgement_sources() c on c.source = j.source
     cross join lateral (select c.bad + (c.good - c.bad) * j.score as strength) as w
  ), best as materialized (
    select r.subtask_id, r.attempt, r.strength, r.good, (r.was).judged_at as at,
           (r.was).judged = 0 and r.strength > 0
             and (
               r.owner <> '00000000-0000-0000-0000-000000000000' or (r.was).source = 'edit'
             ) as is_new,
           row_number() over (
             partition by r.owner, r.model_id, r.kind, (r.was).source, (r.was).judged = 0
             order by (r.was).judged_at, r.subtask_id, r.attempt
           ) + coalesce(q.answers, 0) as place
      from ranked r
      left join cogo.judgement_quotas q
        on q.owner = r.owner and q.model_id = r.model_id and q.kind = r.kind
       and q.source = (r.was).source and q.day = (p_now at time zone 'UTC')::date
     where r.is_best
  )
  select r.subtask_id, r.attempt, (r.was).source, r.owner, r.model_id, r.kind,
         (r.was).score > 0.5, r.is_best and b.is_new,
         case when r.is_best then b.strength else 0 end,
         case when r.is_best then b.good else 0 end,
         case when r.is_best then 0 else b.good end,
         case when r.is_best then 0 else b.strength - b.good end, r.was, b.at
    from best b
    join ranked r using (subtask_id, attempt)
   where not b.is_new or b.place <= 50;
$function$;

drop function cogo.examine_rows(cogo.ai_columns,jsonb[],boolean);

comment on column cogo.ai_edits.by_person is
  'Whether the value of the AI column alone was changed, and by nobody who is known to be no person.';

comment on function cogo.examine_rows(cogo.ai_columns,jsonb[],boolean,jsonb[]) is
  'Compare rows of the table of an AI column with their cells: new rows get one, edited ones are asked
for anew, and a value that COGO has not written is kept. One that a person has put in the place of an
answer is a judgement of it.';

comment on function cogo.fold_value(text) is
  'Return a value without white space and case.';

comment on function cogo.judge_edits(cogo.ai_columns,jsonb[],uuid[]) is
  'Judge the answers of tasks whose values persons have replaced.';

comment on function cogo.list_judgement_sources() is
  'Return the sources of judgements with the strength of one that says bad, and of one that says good,
and whether workflows state them: feedback of a person; an approval; whether code is faster and does the
same; tests that were run; whether data follows its schema, and calls of tools the tools; the form; the
edit of a cell of an AI column; tests that a model wrote of the work of several, of the answer, or of its
own answer; a review by a model of another maker; agreement of independent answers.';

comment on function cogo.may_be_person() is
  'Return whether a row may be written by a person with an account: not by another trigger, the secret
key, a visitor or a job of pg_cron. Of triggers.';

revoke all on function cogo.examine_rows(cogo.ai_columns,jsonb[],boolean,jsonb[]) from public, anon, authenticated, service_role;

grant execute on function cogo.examine_rows(cogo.ai_columns,jsonb[],boolean,jsonb[]) to service_role;

revoke all on function cogo.fold_value(text) from public, anon, authenticated, service_role;

grant execute on function cogo.fold_value(text) to service_role;

revoke all on function cogo.judge_edits(cogo.ai_columns,jsonb[],uuid[]) from public, anon, authenticated, service_role;

grant execute on function cogo.judge_edits(cogo.ai_columns,jsonb[],uuid[]) to service_role;

revoke all on function cogo.list_judgement_sources() from public, anon, authenticated, service_role;

grant execute on function cogo.list_judgement_sources() to service_role;

revoke all on function cogo.may_be_person() from public, anon, authenticated, service_role;

grant execute on function cogo.may_be_person() to service_role;

-- Columns that are there note from now on whether a person may have written a value.
select cogo.install_trigger(c)
  from cogo.ai_columns c
 where cogo.find_column_problem(c) is null;

insert into cogo.schema_versions (version) values ('20261129212936')
on conflict (version) do nothing;
