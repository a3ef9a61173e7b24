-- Whom a waiting receipt is about, where it says so, and whose it is: it may belong to a message of which nobody knows
-- whether it was sent.
alter table parked_receipts add column recipient text not null default '';
alter table parked_receipts add column connector text not null default '';
create index parked_receipts_by_recipient on parked_receipts (ccid, recipient) where recipient <> '';
