//! How the lanes are shared among the replicas that send. Pure.

use crate::lanes::model::Life;

/// How many of the lanes are to be ours: as many as everybody's, and the first replicas one of the rest each.
pub fn share_of(life: Life, lanes: usize, senders: &[i16]) -> usize {
    let replicas = senders.len().max(1);
    let before_us = senders.iter().filter(|number| **number < life.number);
    lanes / replicas + usize::from(before_us.count() < lanes % replicas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_even_and_add_up() {
        for lanes in 0..20 {
            let senders = [0, 3, 4, 1023];
            let shares = senders.map(|number| share_of(Life { number, life: 1 }, lanes, &senders));
            assert_eq!(shares.iter().sum::<usize>(), lanes);
            assert!(shares[0] - shares[3] <= 1);
        }
    }
}
