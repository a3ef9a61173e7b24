//! What all cases share: Postgres, the sink, programs to measure, and the measuring itself.

use std::cell::Cell;
use std::error::Error;
use std::time::Duration;

use crate::doors::{Door, Target};
use crate::figures::{Figures, as_f64};
use crate::load::Load;
use crate::options::Options;
use crate::postgres::{GATEWAY, Postgres, REFERENCE};
use crate::program::Program;
use crate::reference::Kind;
use crate::report::Report;
use crate::sink::Sink;
use crate::tenant::Tenant;
use crate::usage;

/// What is still missing after so long without any webhook is lost.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// How long programs have for what they do after the last message, such as storing its result.
const SETTLING: Duration = Duration::from_millis(300);

#[derive(Debug)]
pub struct Bench {
    pub options: Options,
    pub postgres: Postgres,
    pub sink: Sink,
    pub report: Report,
    runs: Cell<u64>,
}

/// Programs that share a database and are measured as one.
#[derive(Debug)]
pub struct Subject {
    pub programs: Vec<Program>,
    pub database: &'static str,
    pub tenant: Tenant,
}

/// Until when a run is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    Answered,
    Delivered,
}

impl Bench {
    pub fn new(options: Options, postgres: Postgres, sink: Sink) -> Self {
        Self {
            options,
            postgres,
            sink,
            report: Report::default(),
            runs: Cell::new(0),
        }
    }

    /// Replicas of the gateway on an empty database, with a tenant.
    pub async fn gateways(
        &self,
        replicas: usize,
        tenant: Tenant,
        settings: &[(&str, &str)],
    ) -> Result<Subject, Box<dyn Error>> {
        let database = self.postgres.fresh(GATEWAY).await?;
        let mut programs = Vec::new();
        for _replica in 0..replicas {
            let program = Program::gateway(&database, settings).await?;
            tenant.provision(&program.address).await?;
            programs.push(program);
        }
        Ok(Subject {
            programs,
            database: GATEWAY,
            tenant,
        })
    }

    /// One replica with its default settings, and the usual tenant.
    pub async fn gateway(&self) -> Result<Subject, Box<dyn Error>> {
        let tenant = Tenant::usual(&self.sink.webhook("usual"));
        self.gateways(1, tenant, &[]).await
    }

    /// A reference on an empty database.
    pub async fn reference(&self, kind: Kind) -> Result<Subject, Box<dyn Error>> {
        let webhook = self.sink.webhook("reference");
        let database = self.postgres.fresh(REFERENCE).await?;
        Ok(Subject {
            programs: vec![Program::reference(kind, &database, &webhook).await?],
            database: REFERENCE,
            tenant: Tenant::usual(&webhook),
        })
    }

    /// The load that the command line asks for.
    pub fn load(&self) -> Load {
        Load {
            connections: self.options.connections,
            requests: self.options.messages,
            messages_per_request: 1,
            rate: self.options.rate,
            patient: false,
        }
    }

    /// A load at a rate, for as long as the command line says.
    pub fn paced(&self, rate: f64) -> Load {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is positive and small"
        )]
        let requests = (rate * f64::from(self.options.seconds)) as usize;
        Load {
            connections: self.options.connections,
            requests,
            messages_per_request: 1,
            rate: Some(rate),
            patient: false,
        }
    }

    /// A load of so many messages in as few requests as possible.
    pub fn bulk(messages: usize) -> Load {
        const PER_REQUEST: usize = 200;
        Load {
            connections: 4,
            requests: messages.div_ceil(PER_REQUEST),
            messages_per_request: PER_REQUEST,
            rate: None,
            patient: true,
        }
    }

    /// Where load for a tenant goes, with numbers that no message had before.
    pub fn target(&self, door: Door, programs: &[Program], tenant: &Tenant) -> Target {
        const NUMBERS_OF_A_RUN: u64 = 100_000_000;
        let run = self.runs.replace(self.runs.get() + 1);
        let addresses = programs.iter().map(|program| program.address.clone());
        Target::new(door, addresses.collect(), tenant, run * NUMBERS_OF_A_RUN)
    }

    /// One run.
    pub async fn measure(
        &self,
        subject: &Subject,
        door: Door,
        load: Load,
        until: Until,
    ) -> Result<Figures, Box<dyn Error>> {
        let target = self.target(door, &subject.programs, &subject.tenant);
        self.measure_at(subject, &target, load, until).await
    }

    /// One run whose requests are made otherwise than usual.
    pub async fn measure_at(
        &self,
        subject: &Subject,
        target: &Target,
        load: Load,
        until: Until,
    ) -> Result<Figures, Box<dyn Error>> {
        self.sink.reset();
        subject.reset_peaks();
        let counted = self.postgres.counters(subject.database).await?;
        let programs_before = subject.processor_time()?;
        let postgres_before = usage::processor_time(self.postgres.id)?;
        let answered = load.run(target).await?;
        let delivered = if until == Until::Delivered {
            Some(self.sink.wait_for(load.messages(), SILENCE_MAX).await)
        } else {
            None
        };
        tokio::time::sleep(SETTLING).await;
        let programs_used = subject.processor_time()?.saturating_sub(programs_before);
        let postgres_used =
            usage::processor_time(self.postgres.id)?.saturating_sub(postgres_before);
        let counters = self.postgres.counters(subject.database).await?;
        let each = 1.0 / as_f64(load.messages());
        Ok(Figures {
            program_cpu: programs_used.as_secs_f64() * each * 1000.0,
            postgres_cpu: postgres_used.as_secs_f64() * each * 1000.0,
            wal_bytes: (counters.wal_bytes - counted.wal_bytes) * each,
            commits: (counters.commits - counted.commits) * each,
            statements: (counters.statements - counted.statements) * each,
            peak_megabytes: subject.peak_megabytes()?,
            ..Figures::seen(load.messages(), &answered, delivered.as_ref())
        })
    }

    /// So many runs as the command line asks for.
    pub async fn rounds(
        &self,
        subject: &Subject,
        door: Door,
        load: Load,
        until: Until,
    ) -> Result<Vec<Figures>, Box<dyn Error>> {
        let mut rounds = Vec::new();
        for _round in 0..self.options.rounds {
            rounds.push(self.measure(subject, door, load, until).await?);
        }
        Ok(rounds)
    }

    /// A run that is not counted: caches fill, connections open, the planner learns.
    pub async fn warm_up(
        &self,
        subject: &Subject,
        door: Door,
        until: Until,
    ) -> Result<(), Box<dyn Error>> {
        let load = Load {
            requests: self.options.messages.div_ceil(4),
            rate: None,
            ..self.load()
        };
        self.measure(subject, door, load, until).await.map(drop)
    }
}

impl Subject {
    fn reset_peaks(&self) {
        for program in &self.programs {
            usage::reset_peak(program.id());
        }
    }

    fn processor_time(&self) -> std::io::Result<Duration> {
        let times = self.programs.iter().map(Program::id);
        times.map(usage::processor_time).sum()
    }

    /// Of the largest.
    fn peak_megabytes(&self) -> std::io::Result<f64> {
        let peaks = self.programs.iter().map(Program::id);
        peaks
            .map(usage::peak_megabytes)
            .try_fold(0.0, |largest: f64, peak| Ok(largest.max(peak?)))
    }
}
