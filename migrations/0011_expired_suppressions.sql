-- Suppressions that end by themselves are found by their end.
create index suppressions_by_end on suppressions (expires_at) where expires_at is not null;
