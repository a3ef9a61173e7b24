-- Who changed what, when and from where. A record is written in the transaction of its change and never altered; soon
-- after, one task gives it its place in the chain of hashes.
create table audit (
    id bigint generated always as identity primary key,
    -- The tenant that it is about; null: none, or all of them.
    ccid uuid,
    -- Unix milliseconds on this database's clock.
    at bigint not null default (extract(epoch from clock_timestamp()) * 1000)::bigint,
    -- 0 the holder of an API key, 1 somebody at the command line, 2 the gateway itself.
    author smallint not null,
    key_id uuid,
    -- As the key was called then.
    key_name text,
    -- The address that the call came from.
    source text,
    -- The closed list of audit/model.rs.
    action text not null,
    object_id text not null,
    -- Names of the members that changed, never what they hold.
    changed text[] not null,
    -- The place in the chain, and the hash over it, the hash before and everything above. Null: not chained yet.
    place bigint unique,
    hash bytea,
    check ((place is null) = (hash is null)),
    check ((key_id is null) = (key_name is null) and (key_id is null) = (author <> 0))
);
create index audit_of_tenant on audit (ccid, id);
create index audit_unchained on audit (id) where place is null;
-- A key of every tenant leaves one record for each route, tenant and minute.
create unique index audit_key_uses
    on audit (key_id, object_id, coalesce(ccid, '00000000-0000-0000-0000-000000000000'), (at / 60000))
    where action = 'key.used';

-- Both ends of the chain. One row.
create table audit_chain (
    only_row boolean primary key default true check (only_row),
    -- The last record that was dropped because it was old enough: what is left goes on from its hash.
    cut_place bigint not null,
    cut_hash bytea not null,
    cut_at bigint not null,
    head_place bigint not null,
    head_hash bytea not null
);
insert into audit_chain (cut_place, cut_hash, cut_at, head_place, head_hash)
select 0, decode(repeat('00', 32), 'hex'), 0, 0, decode(repeat('00', 32), 'hex');
