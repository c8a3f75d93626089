create or replace function public.cogo_verify_instance(
  p_agent_id text, p_host text, p_is_start boolean default false
)
  returns table (is_own boolean, reason text)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_host constant text := cogo.normalize_host(p_host);
begin
  perform cogo.set_actor(p_agent_id);
  if v_host is null or length(v_host) > 255 then
    raise exception using errcode = 'TQ004', message = 'p_host must be the host of SUPABASE_URL';
  end if;
  if not exists (select from cogo.instance) then
    perform pg_advisory_xact_lock(hashtextextended('cogo.instance', 0));
    insert into cogo.instance (system_identifier, hosts, adopted_by, verified_until)
    select cogo.read_system_identifier(), array[v_host], p_agent_id, cogo.now()
     where not exists (select from cogo.instance);
  end if;

  -- An agent at a known address clears the doubt that one at another address raised.
  update cogo.instance i
     set verified_until = cogo.now() + interval '5 minutes', inherited_to = null
   where v_host = any (i.hosts)
     and not exists (
       select from cogo.instance o where o.system_identifier <> cogo.read_system_identifier()
     );
  reason := cogo.instance_problem(v_host);
  is_own := reason is null;
  -- A copy of a server has agents only at addresses that it does not know.
  if not is_own and (
    p_is_start or not exists (select from cogo.instance i where i.verified_until > cogo.now())
  ) then
    perform cogo.mark_copy();
  end if;
  return next;
end;
$$;
comment on function public.cogo_verify_instance is
  'Return whether this database is the one that was adopted at p_host, the host of an agent''s
SUPABASE_URL, and why not; the first agent ever adopts it. Agents call it at their start and three times
a minute. At an unknown address, one that starts stops what runs by itself until one at a known address
calls.';

create or replace function public.cogo_instance(p_host text default null)
  returns table (
    reason text, hosts text[], adopted_at timestamptz, adopted_by text, verified_until timestamptz,
    inherited_to bigint, waiting_tasks bigint, scheduled_tasks bigint, due_tasks bigint,
    yesterday_usd numeric, columns jsonb
  )
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_today constant timestamptz := date_trunc('day', cogo.now(), 'UTC');
begin
  reason := cogo.instance_problem(p_host);
  select i.hosts, i.adopted_at, i.adopted_by, i.verified_until
    into hosts, adopted_at, adopted_by, verified_until
    from cogo.instance i
   order by i.system_identifier = cogo.read_system_identifier() desc, i.adopted_at
   limit 1;
  if reason is not null then
    -- Until an agent has marked a copy, all that is there came with it.
    select case when bool_or(i.system_identifier <> cogo.read_system_identifier())
             then coalesce(max(i.inherited_to), 9223372036854775807) else max(i.inherited_to)
           end
      into inherited_to
      from cogo.instance i;
    select count(*) filter (where not t.is_scheduled),
           count(*) filter (where t.is_scheduled and t.run_at > cogo.now()),
           count(*) filter (where t.is_scheduled and t.run_at <= cogo.now())
      into waiting_tasks, scheduled_tasks, due_tasks
      from (
        select o.run_at, o.status = 'pending' and coalesce(o.run_at > o.created_at, false)
          from public.cogo_tasks o
         where o.finished_at is null and cogo.waits_for_adoption(o, cogo_instance.inherited_to)
      ) as t (run_at, is_scheduled);
    select coalesce(sum(c.cost_usd), 0) into yesterday_usd
      from public.cogo_calls c
     where c.started_at >= v_today - interval '1 day' and c.started_at < v_today;
    select coalesce(
             jsonb_agg(
               jsonb_build_object(
                 'name',
                 coalesce(cogo.show_table(k.table_id), 'dropped') || '.' || quote_ident(k.column_name),
                 'pending', (
                   select coalesce(sum(n.cells), 0) from cogo.ai_counts n
                    where n.column_id = k.id and n.state in ('pending', 'asked')
                 ),
                 'yesterday_usd', (
                   select coalesce(sum(c.cost_usd), 0) from public.cogo_calls c
                    where c.column_id = k.id
                      and c.started_at >= v_today - interval '1 day' and c.started_at < v_today
                 )
               ) order by k.created_at
             ), '[]'
           )
      into columns
      from cogo.ai_columns k
     where k.paused_at is null;
  end if;
  return next;
end;
$$;
comment on function public.cogo_instance is
  'Return where this database was adopted; if nothing runs by itself here, why, and what waits for
cogo_adopt_instance(): tasks that came with a copy, scheduled ones, those among them that are due, what
calls cost yesterday (UTC), and AI columns with their pending cells and costs.';

create or replace function public.cogo_adopt_instance(p_host text, p_who text default null)
  returns table (hosts text[], is_new boolean)
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_identifier constant text := cogo.read_system_identifier();
  v_host constant text := cogo.normalize_host(p_host);
  v_hosts text[];
begin
  if v_host is null or length(v_host) > 255 then
    raise exception using errcode = 'TQ004', message = 'p_host must be the host of SUPABASE_URL';
  end if;
  perform cogo.set_operator(p_who, null);
  perform pg_advisory_xact_lock(hashtextextended('cogo.instance', 0));
  is_new := cogo.instance_problem(v_host) is not null or not exists (select from cogo.instance);
  if is_new then
    -- On the same server p_host may be one more address. That it may be a physical copy of the server,
    -- where nobody uses the others, does no harm.
    select array_remove(i.hosts, v_host) into v_hosts
      from cogo.instance i where i.system_identifier = v_identifier;
    delete from cogo.instance where true;
    insert into cogo.instance (system_identifier, hosts, adopted_by, verified_until)
    values (
      v_identifier, v_hosts || v_host, cogo.current_who(), cogo.now() + interval '5 minutes'
    );
  end if;
  return query select i.hosts, is_new from cogo.instance i;
end;
$$;
comment on function public.cogo_adopt_instance is
  'Make this database at p_host the one that runs columns and scheduled tasks: a copy goes on with all
that came with it. On the same server, the address is added to the known ones. Repeating it changes
nothing.';
