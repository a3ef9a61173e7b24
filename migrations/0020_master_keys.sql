-- The master keys that have sealed something here, by their public names. Which of them is still needed can be seen from
-- what their own row is sealed with.
create table master_keys (
    key_id bytea primary key,
    -- What keys for other purposes (links, pseudonyms) are derived from, sealed: with the key itself while it seals, with
    -- its successor once nothing else is sealed with it.
    derivation bytea not null,
    -- Unix milliseconds; when its successor took over.
    replaced_at bigint
);
