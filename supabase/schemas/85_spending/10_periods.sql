create or replace function cogo.period_start(p_per text, p_now timestamptz)
  returns timestamptz language sql stable
  return case p_per
    when 'ever' then 'epoch'::timestamptz
    else date_trunc(p_per, p_now at time zone 'utc') at time zone 'utc'
  end;
comment on function cogo.period_start is
  'Return when the current day or month (UTC) of a budget began; for ever: the epoch.';

-- Days and months are added to a timestamp without time zone: added to a timestamptz they would be
-- those of the session's time zone.
create or replace function cogo.period_end(p_per text, p_now timestamptz)
  returns timestamptz language sql stable
  return case
    when p_per in ('day', 'month') then (
      date_trunc(p_per, p_now at time zone 'utc') + ('1 ' || p_per)::interval
    ) at time zone 'utc'
  end;
comment on function cogo.period_end is
  'Return when the current day or month (UTC) of a budget ends; null: never.';

-- Security definer: agents may not read auth.users. A project without Supabase Auth, or with an
-- Auth without anonymous sign-ins, has none.
create or replace function cogo.is_anonymous(p_owner uuid)
  returns boolean language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regclass('auth.users') is null or not exists (
    select from pg_catalog.pg_attribute a
     where a.attrelid = to_regclass('auth.users') and a.attname = 'is_anonymous'
  ) then
    return false;
  end if;
  return exists (select from auth.users u where u.id = p_owner and u.is_anonymous);
end;
$$;
comment on function cogo.is_anonymous is 'Return whether an owner signed in anonymously.';

create or replace function cogo.budget_key(p_owner uuid)
  returns text language sql stable
  return case
    when p_owner is null then '00000000-0000-0000-0000-000000000000'
    when exists (
      select from cogo.budgets b
       where b.scope = 'owner' and b.key = p_owner::text and not b.is_default
    ) then p_owner::text
    when exists (select from cogo.budgets b where b.scope = 'owner' and b.key in ('*', 'anonymous'))
      and cogo.is_anonymous(p_owner) then 'anonymous'
    else p_owner::text
  end;
comment on function cogo.budget_key is
  'Return the key of the cap of an owner: anonymous sign-ins without a cap of their own share one.';

create or replace function cogo.reserved_usd(p_scope text, p_key text)
  returns numeric language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(sum(r.usd), 0)
    from cogo.reservations r
   where case p_scope
           when 'total' then true
           when 'owner' then p_key in (r.owner::text, r.budget_key)
           when 'provider' then r.provider = p_key
           when 'task' then r.task_id = p_key::uuid
           when 'column' then r.column_id = p_key::uuid
           when 'project' then r.project = p_key
         end
     and (r.subtask_id is not null or r.made_at > cogo.now() - interval '1 hour');
$$;
comment on function cogo.reserved_usd is
  'Return the maximum cost of the running calls that count towards a cap.';

create or replace function cogo.spent_usd(p_scope text, p_key text, p_since timestamptz)
  returns numeric language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(sum(c.cost_usd), 0)
    from public.cogo_calls c
   where c.started_at >= p_since
     and case
       when p_scope = 'total' then true
       when p_scope = 'provider' then c.provider = p_key
       when p_scope = 'column' then c.column_id = p_key::uuid
       when p_scope = 'project' then c.project = p_key
       when p_key = 'anonymous' then cogo.is_anonymous(c.owner)
       -- The default is no cap itself.
       when p_key = '*' then false
       else c.owner is not distinct from nullif(p_key, '00000000-0000-0000-0000-000000000000')::uuid
     end;
$$;
comment on function cogo.spent_usd is
  'Return the cost since p_since of the calls that count towards a cap, from the audit log.';
