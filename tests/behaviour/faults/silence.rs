//! Connections that nobody closes and nothing comes through.

use std::time::Instant;

use super::site::{Site, is_not_ready};
use crate::harness::eventually::eventually;
use crate::harness::fleet::owners;
use crate::harness::tenant::SOON;

#[tokio::test]
async fn a_store_that_falls_silent_for_everybody_costs_refusals_and_nothing_else() {
    let (site, proxy) = Site::behind_a_proxy().await;
    proxy.falls_silent();
    site.is_not_ready().await;
    site.refuses_somebody().await;
    proxy.opens();
    site.recovers().await;
    site.balances().await;
}

#[tokio::test]
async fn a_replica_that_is_cut_off_in_silence_is_replaced_and_comes_back_by_itself() {
    let (site, proxy) = Site::with_one_behind_a_proxy().await;
    let mut database = site.fleet.connect().await;
    let cut_off = &site.fleet.servers[0];
    let began = Instant::now();
    proxy.falls_silent();
    is_not_ready(cut_off).await;
    eventually("the other has all lanes", SOON, async || {
        (owners(&mut database).await.len() == 1).then_some(())
    })
    .await;
    site.load.goes_on(40).await;
    proxy.opens();
    site.recovers().await;
    eventually("the lanes are shared again", SOON, async || {
        (owners(&mut database).await.len() == 2).then_some(())
    })
    .await;
    let ended = Instant::now();
    site.balances_around(Some((began, ended))).await;
}
