//! What nothing can be faster than on this machine.

use std::error::Error;

use crate::bench::{Bench, Until};
use crate::doors::Door;
use crate::figures::Figures;
use crate::reference::Kind;
use crate::report::Report;

pub async fn run(bench: &Bench) -> Result<(), Box<dyn Error>> {
    Report::begin("limits", "checking signatures, and posting to the sink");
    let verify = bench.reference(Kind::Verify).await?;
    bench
        .warm_up(&verify, Door::ThirdParty, Until::Answered)
        .await?;
    let mut target = bench.target(Door::ThirdParty, &[], &verify.tenant);
    target.addresses = vec![bench.sink.address()];
    let (mut verified, mut posted) = (Vec::new(), Vec::new());
    for _round in 0..bench.options.rounds {
        let load = bench.load();
        verified.push(
            bench
                .measure(&verify, Door::ThirdParty, load, Until::Answered)
                .await?,
        );
        let answered = load.run(&target).await?;
        posted.push(Figures::seen(load.messages(), &answered, None));
    }
    bench
        .report
        .add_rounds("limits", "reference verify", verified);
    bench.report.add_rounds("limits", "load to sink", posted);
    Ok(())
}
