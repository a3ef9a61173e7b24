//! nexus-gateway: a messaging gateway between contact centres and SMS and email providers.
//!
//! The modules, in reading order.

/// Validated value types without I/O.
pub mod values;

/// Machinery that knows no messaging words.
pub mod platform;

/// Typed configuration: every key is documented where it is declared.
pub mod config;

/// Who calls, and what they may do.
pub mod auth;

/// What messages say, as JSON on every wire and in the store.
pub mod content;

/// Our adapters to providers.
pub mod connectors;

/// What happened: attempts, receipts and events in one append-only table.
pub mod history;

/// The durable queue: replicas and their lives, lanes, deliveries.
pub mod lanes;

/// Who changed what, when and from where.
pub mod audit;

/// Services and senders of tenants, and the snapshot of who sends what through which connector.
pub mod provisioning;

/// Files that messages refer to.
pub mod media;

/// The list of addresses that must not be sent to.
pub mod suppressions;

/// Threads of one consumer on one channel.
pub mod conversations;

/// How many messages came to what, by hour and channel.
pub mod statistics;

/// A message and its life.
pub mod messages;

/// Dead letters that are sent again in bulk.
pub mod replays;

/// What providers say later about a message.
pub mod receipts;

/// Persons who are forgotten on request.
pub mod erasures;

/// What third parties send us, signed.
pub mod inbound;

/// What we tell consumers, in order.
pub mod events;

/// From a leased lane to recorded outcomes.
pub mod dispatch;

/// After the database was restored to a point in time.
pub mod restore;

/// Replacing the master key while replicas serve.
pub mod rekey;

/// What is done in the background so that nothing grows without end.
pub mod janitor;

/// The secrets that the gateway starts with.
pub mod first_secrets;

/// Whether the process is well, and whether it can take work.
pub mod health;

/// Every route of the product on one page.
pub mod router;

/// The composition root: builds every part, starts in order, stops in reverse.
pub mod app;

/// Stand-ins for providers, with fault switches.
pub mod simulator;

/// The main job, played once for real and explained.
pub mod demo;

/// The command line.
pub mod cli;
