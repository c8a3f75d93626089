-- Articles with one column for each language. A change of the body makes them anew, except those that a
-- translator has written.
create table public.articles (
  id bigint generated always as identity primary key,
  body text not null,
  body_de text,
  body_fr text,
  body_es text
);

select cogo.ai_column(
  'public.articles', 'body_' || code,
  prompt => format('Translate into %s. Keep names, numbers and Markdown as they are. {body}', language),
  max_usd_per_day => 2
)
from (values ('de', 'German'), ('fr', 'French'), ('es', 'Spanish')) as languages (code, language);

-- The article in a language; the original while there is no translation.
create function public.article_body(article public.articles, language text)
  returns text language sql immutable set search_path = ''
  return coalesce(
    case language when 'de' then article.body_de when 'fr' then article.body_fr when 'es' then article.body_es end,
    article.body
  );
