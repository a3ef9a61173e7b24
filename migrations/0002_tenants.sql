-- What operators provision. Every secret is sealed before it comes here.

-- Raised by every change below, so that replicas know what to read again.
create table directory (
    only_row boolean primary key default true check (only_row),
    version bigint not null
);
insert into directory (version) values (0);

create table tenants (
    ccid uuid primary key,
    version bigint not null,
    created_at timestamptz not null default now()
);
create index tenants_by_version on tenants (version);

create table services (
    ccid uuid not null,
    name text not null,
    url text,
    data text not null,
    secret bytea not null,
    updated_at timestamptz not null,
    primary key (ccid, name)
);

create table senders (
    ccid uuid not null,
    section text not null,
    options text not null,
    updated_at timestamptz not null,
    primary key (ccid, section)
);

-- Keys of all tenants; tenant is null for keys of every tenant. Only a hash of the key is kept.
create table api_keys (
    id uuid primary key,
    key_hash bytea not null,
    ccid uuid,
    name text not null,
    permissions text[] not null,
    enabled boolean not null,
    expires_at timestamptz,
    created_at timestamptz not null,
    version bigint not null,
    deleted boolean not null default false,
    constraint api_keys_key_hash_unique unique (key_hash)
);
create index api_keys_by_version on api_keys (version);
