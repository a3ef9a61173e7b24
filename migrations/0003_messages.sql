-- Messages and what happened to them. Written once, read seldom, dropped by whole partitions.
-- Ids are (milliseconds since 2020-01-01) << 22 | n, so a range of ids is a range of time.
-- Partitions are made ahead of time and dropped by the gateway; see platform/database/partitions.rs.

-- The content hash and id of every de-duplicated message, for a week or two.
create table inbound_keys (
    ccid uuid not null,
    -- Weeks since 1970-01-01.
    week integer not null,
    key bytea not null,
    content bytea not null,
    id bigint not null,
    primary key (ccid, week, key)
) partition by range (week);

create table messages (
    ccid uuid not null,
    id bigint not null,
    -- 0 inbound, 1 outbound.
    direction smallint not null,
    channel_id text not null,
    sender_address text not null,
    sender_name text,
    recipient_address text not null,
    recipient_name text,
    -- The other side's own id: of the third party for inbound, of the caller for outbound.
    external_id text,
    -- The wire's type word, and its content members as JSON, as they came.
    kind text not null,
    content text not null,
    lane bigint,
    priority smallint not null,
    -- Whose events it makes: 1 chat, 2 cxc.
    stream smallint not null,
    conversation bigint,
    campaign_id text,
    -- trace headers, replyTo and metadata as JSON, where there are any.
    context text,
    primary key (ccid, id)
) partition by range (id);
create index messages_by_consumer on messages (ccid, (case direction when 0 then sender_address else recipient_address end), id);

-- The current status of an outbound message: one narrow row, no further index, so its change is HOT.
create table message_states (
    ccid uuid not null,
    id bigint not null,
    -- The rank in the lattice of messages/status.rs.
    status smallint not null,
    reason smallint,
    -- The provider's id where it differs from ours.
    provider_message_id text,
    primary key (ccid, id)
) partition by range (id);

-- Attempts, receipts and events in one: append-only, read by message and by feed.
create table history (
    ccid uuid not null,
    id bigint not null,
    -- The transaction that wrote it: the feed's order, read only below the oldest open one.
    transaction xid8 not null default pg_current_xact_id(),
    -- What it is about: a message or a conversation; null for what concerns neither.
    subject bigint,
    -- The closed list of history/model.rs.
    kind smallint not null,
    -- 0 none: not in the feed; 1 chat; 2 cxc; 3 both.
    stream smallint not null,
    status smallint,
    detail text,
    primary key (ccid, id)
) partition by range (id);
create index history_by_subject on history (ccid, subject, id) where subject is not null;
create index history_feed on history (ccid, transaction, id) where stream > 0;

-- Which message a provider's id stands for. Only where it differs from ours.
create table provider_ids (
    ccid uuid not null,
    -- SHA-256 over channel, connector and the provider's id, first 16 bytes.
    key bytea not null,
    id bigint not null,
    primary key (ccid, key, id)
) partition by range (id);

create table dead_letters (
    ccid uuid not null,
    id bigint not null,
    lane bigint not null,
    reason smallint not null,
    died_at bigint not null,
    primary key (ccid, id)
);

-- Receipts whose message is not known yet.
create table parked_receipts (
    ccid uuid not null,
    key bytea not null,
    parked_id bigint not null,
    -- Our own id, where the receipt names one; else 0.
    message bigint not null,
    status smallint not null,
    reason smallint not null,
    detail text not null,
    channel_id text not null,
    parked_at bigint not null,
    primary key (ccid, key, parked_id)
);
create index parked_receipts_by_age on parked_receipts (parked_at);

create table conversations (
    ccid uuid not null,
    id bigint not null,
    channel_id text not null,
    consumer text not null,
    consumer_name text,
    opened_at bigint not null,
    closed_at bigint,
    primary key (ccid, id)
);
create index conversations_closed on conversations (closed_at) where closed_at is not null;
create unique index conversations_open on conversations (ccid, channel_id, consumer) where closed_at is null;
create index conversations_recent on conversations (ccid, id desc);

create table suppressions (
    ccid uuid not null,
    channel_id text not null,
    address text not null,
    source text not null,
    reason text,
    evidence bigint,
    created_at bigint not null,
    expires_at bigint,
    primary key (ccid, channel_id, address)
);
