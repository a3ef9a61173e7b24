//! The gateway beside a reference, one after the other in each round.

use std::error::Error;

use crate::bench::{Bench, Subject, Until};
use crate::doors::Door;
use crate::figures::{Figures, median};
use crate::load::Load;
use crate::reference::Kind;

/// Both, ready to be measured.
#[derive(Debug)]
pub struct Pair {
    gateway: Subject,
    reference: Subject,
    kind: Kind,
    door: Door,
    until: Until,
}

/// The rounds of both, in the same order.
#[derive(Debug)]
pub struct Rounds {
    pub gateway: Vec<Figures>,
    pub reference: Vec<Figures>,
}

impl Pair {
    /// Starts both; messages come to the gateway through `door`.
    pub async fn start(
        bench: &Bench,
        kind: Kind,
        door: Door,
        until: Until,
    ) -> Result<Self, Box<dyn Error>> {
        let pair = Self {
            gateway: bench.gateway().await?,
            reference: bench.reference(kind).await?,
            kind,
            door,
            until,
        };
        bench
            .warm_up(&pair.reference, Door::ThirdParty, until)
            .await?;
        bench.warm_up(&pair.gateway, door, until).await?;
        Ok(pair)
    }

    /// Measures both under the same load and prints the medians.
    pub async fn measure(
        &self,
        bench: &Bench,
        case: &str,
        load: Load,
    ) -> Result<Rounds, Box<dyn Error>> {
        let mut rounds = Rounds {
            gateway: Vec::new(),
            reference: Vec::new(),
        };
        for _round in 0..bench.options.rounds {
            let reference = bench.measure(&self.reference, Door::ThirdParty, load, self.until);
            rounds.reference.push(reference.await?);
            let gateway = bench.measure(&self.gateway, self.door, load, self.until);
            rounds.gateway.push(gateway.await?);
        }
        let reference = format!("reference {}", self.kind.name());
        bench
            .report
            .add_rounds(case, &reference, rounds.reference.clone());
        bench
            .report
            .add_rounds(case, "gateway", rounds.gateway.clone());
        Ok(rounds)
    }
}

impl Rounds {
    /// How many times the reference's figure the gateway's is: the median of the rounds.
    pub fn ratio(&self, of: fn(&Figures) -> f64) -> f64 {
        let pairs = self.gateway.iter().zip(&self.reference);
        median(pairs.map(|(gateway, reference)| of(gateway) / of(reference)))
    }

    /// The gateway's own figure.
    pub fn of_gateway(&self, of: fn(&Figures) -> f64) -> f64 {
        median(self.gateway.iter().map(of))
    }
}
