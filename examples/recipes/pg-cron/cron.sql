-- Nightly work, by pg_cron: enable it first (Dashboard, Integrations, Cron).

-- A report about yesterday's tickets. The key makes it one task, also if the job runs twice.
select cron.schedule('ticket-report', '0 6 * * *', $$
  insert into public.cogo_tasks (type, prompt, budget_usd, idempotency_key)
  select 'CHAT',
         'Which problems occur most often in these tickets? ' || jsonb_agg(t.summary)::text,
         0.10,
         'ticket-report:' || current_date
    from public.tickets t
   where t.summary is not null
  having count(*) > 0
  on conflict do nothing
$$);

-- What has failed, and what an older prompt has made, is made again at night.
select cron.schedule('fill-tickets', '0 3 * * *', $$
  select public.cogo_backfill_column(c.id, '{missing,stale,failed}')
    from public.cogo_columns c
   where c.table_name = 'public.tickets'
$$);
