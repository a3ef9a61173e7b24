//! Postgres as the gateway's child, and the clusters that tests share or break.

mod directories;
mod killing;
mod lifetime;
mod owner;
mod private_clusters;
mod shared_cluster;
