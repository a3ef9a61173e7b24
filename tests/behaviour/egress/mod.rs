//! Whom a tenant can have us connect to: nobody inside, through whatever door a URL enters, whatever DNS says.

mod addresses;
mod authority;
mod connecting;
mod doors;
mod operator;
mod saving;
mod tls;
