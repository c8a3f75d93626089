-- Comments are public once a model finds them harmless or a person has said so.
create type public.verdict as enum ('unsure', 'harmless', 'harmful');

create table public.comments (
  id bigint generated always as identity primary key,
  user_id uuid not null default auth.uid(),
  body text not null,
  verdict public.verdict,
  is_published boolean not null default false
);

-- Everybody reads what is published; writers see their own, and may write nothing but the body.
alter table public.comments enable row level security;
create policy "everybody reads what is published" on public.comments
  for select to anon, authenticated using (is_published);
create policy "writers read their own" on public.comments
  for select to authenticated using (user_id = (select auth.uid()));
create policy "writers insert" on public.comments
  for insert to authenticated with check (user_id = (select auth.uid()));
grant select on public.comments to anon, authenticated;
grant insert (body) on public.comments to authenticated;

select cogo.ai_column(
  'public.comments', 'verdict',
  prompt => 'Is this comment harmless? Harmful: insults, threats, advertising. {body}',
  max_usd_per_day => 2
);

-- A verdict publishes, or asks a person. Security definer: the writer may not insert this task.
create function public.follow_verdict()
  returns trigger language plpgsql security definer set search_path = ''
as $$
begin
  if new.verdict = 'harmless' then
    new.is_published := true;
  else
    new.is_published := false;
    insert into public.cogo_tasks (type, prompt, params)
    values ('REVIEW_COMMENT', new.body, jsonb_build_object('comment', new.id, 'verdict', new.verdict));
  end if;
  return new;
end;
$$;
create trigger follow_verdict
  before update of verdict on public.comments
  for each row when (new.verdict is distinct from old.verdict and new.verdict is not null)
  execute function public.follow_verdict();

-- The answer of the person publishes, in the same transaction. Users may submit tasks of this type too,
-- which have an owner and publish nothing.
create function public.publish_approved()
  returns trigger language plpgsql security definer set search_path = ''
as $$
begin
  update public.comments c
     set is_published = true
   where c.id = (new.show ->> 'comment')::bigint and c.body = new.show ->> 'body';
  return null;
end;
$$;
create trigger publish_approved
  after update of approved on public.cogo_approvals
  for each row when (new.approved and new.key = 'publish_comment' and new.owner is null)
  execute function public.publish_approved();
