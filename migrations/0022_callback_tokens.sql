-- Under which addresses a service's provider calls us, where it cannot authenticate: the tokens in them, sealed.
alter table services add column callback_tokens bytea;
