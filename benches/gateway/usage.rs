//! What a process and its descendants have used of the processors, as Linux counts it.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::time::Duration;

/// Linux shows times to programs in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usage(pub Duration);

impl Usage {
    /// What `root` and the processes below it have used so far. Those that have ended count with whoever started them.
    pub fn of_tree(root: i32) -> io::Result<Self> {
        let mut all = HashMap::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(process) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // It may have ended meanwhile.
            if let Some(found) = parent_and_time(process) {
                all.insert(process, found);
            }
        }
        let belongs = |mut process: i32| {
            while process != root {
                match all.get(&process) {
                    Some((parent, _time)) => process = *parent,
                    None => return false,
                }
            }
            true
        };
        let of_tree = all.iter().filter(|(process, _)| belongs(**process));
        Ok(Self(of_tree.map(|(_, (_parent, time))| *time).sum()))
    }

    /// What the tree has used since `self`.
    pub fn until_now(self, root: i32) -> io::Result<Self> {
        Ok(Self(Self::of_tree(root)?.0.saturating_sub(self.0)))
    }
}

/// The process that started `process`.
pub fn parent_of(process: i32) -> Option<i32> {
    parent_and_time(process).map(|(parent, _time)| parent)
}

/// From `/proc/<process>/stat`, proc(5): field 4 is the parent, 14 to 17 are user and system time, own and of children.
fn parent_and_time(process: i32) -> Option<(i32, Duration)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let (_name, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let parent = fields.get(1)?.parse().ok()?;
    let ticks: u32 = fields
        .get(11..15)?
        .iter()
        .filter_map(|field| field.parse::<u32>().ok())
        .sum();
    Some((parent, TICK * ticks))
}
