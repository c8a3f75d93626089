-- Collate the sources of memory as those of vectors are, and as the schema says: by bytes, so that
-- an index serves prefixes. No row is written anew; indexes on the column are.

alter table cogo.memory_words alter column source type text collate "C";

insert into cogo.schema_versions (version) values ('20261130091138')
on conflict (version) do nothing;
