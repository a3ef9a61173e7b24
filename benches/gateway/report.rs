//! What is printed and kept of all cases: every run, and how each figure compares with what it has to reach.

use std::cell::RefCell;
use std::error::Error;
use std::fs;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use crate::figures::Figures;

#[derive(Debug, Default)]
pub struct Report {
    runs: RefCell<Vec<Run>>,
    goals: RefCell<Vec<Goal>>,
}

#[derive(Debug, Serialize)]
struct Run {
    case: String,
    program: String,
    rounds: Vec<Figures>,
}

/// A figure beside what it must reach and what it aims at.
#[derive(Debug, Clone, Serialize)]
pub struct Goal {
    pub figure: String,
    pub value: f64,
    pub must: Option<Bound>,
    pub aim: Option<Bound>,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }

    fn describe(self, value: f64) -> String {
        let met = if self.is_met(value) { "met" } else { "MISSED" };
        match self {
            Self::AtLeast(bound) => format!("≥ {bound} {met}"),
            Self::AtMost(bound) => format!("≤ {bound} {met}"),
        }
    }
}

impl Report {
    /// Prints the head of a case's table.
    pub fn begin(case: &str, about: &str) {
        println!("\n## {case}: {about}\n\n{}", Figures::head());
    }

    /// Prints the median of some rounds, and keeps all of them.
    pub fn add_rounds(&self, case: &str, program: &str, rounds: Vec<Figures>) {
        println!("{}", Figures::line(program, &rounds));
        self.runs.borrow_mut().push(Run {
            case: case.to_owned(),
            program: program.to_owned(),
            rounds,
        });
    }

    /// A figure that may be at most so much.
    pub fn at_most(&self, figure: &str, value: f64, must: f64, aim: f64) {
        self.add(
            figure,
            value,
            Some((Bound::AtMost(must), Bound::AtMost(aim))),
        );
    }

    /// A figure that has to be so much at least.
    pub fn at_least(&self, figure: &str, value: f64, must: f64, aim: f64) {
        self.add(
            figure,
            value,
            Some((Bound::AtLeast(must), Bound::AtLeast(aim))),
        );
    }

    /// A figure that has no goal.
    pub fn shows(&self, figure: &str, value: f64) {
        self.add(figure, value, None);
    }

    fn add(&self, figure: &str, value: f64, bounds: Option<(Bound, Bound)>) {
        let goal = Goal {
            figure: figure.to_owned(),
            value,
            must: bounds.map(|(must, _aim)| must),
            aim: bounds.map(|(_must, aim)| aim),
        };
        let verdict = bounds.map_or_else(String::new, |(must, aim)| {
            format!(
                " — must {}, aim {}",
                must.describe(value),
                aim.describe(value)
            )
        });
        println!("* {figure}: {value:.3}{verdict}");
        self.goals.borrow_mut().push(goal);
    }

    /// Writes everything as JSON, with what was measured on.
    pub fn write(&self, path: &Path, machine: &Value) -> Result<(), Box<dyn Error>> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let document = json!({
            "machine": machine,
            "runs": *self.runs.borrow(),
            "figures": *self.goals.borrow(),
        });
        fs::write(path, serde_json::to_vec_pretty(&document)?)?;
        println!("\nWritten to {}", path.display());
        Ok(())
    }
}
