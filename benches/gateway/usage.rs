//! What a process and its descendants use of the processors and of memory, as Linux counts it.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::time::Duration;

/// Linux shows times to programs in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// What `root` and the processes below it have used of the processors so far. Those that have ended count with whoever
/// started them.
pub fn processor_time(root: i32) -> io::Result<Duration> {
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
    Ok(of_tree.map(|(_, (_parent, time))| *time).sum())
}

/// The process that started `process`.
pub fn parent_of(process: i32) -> Option<i32> {
    parent_and_time(process).map(|(parent, _time)| parent)
}

/// Makes [`peak_megabytes`] begin anew.
pub fn reset_peak(process: i32) {
    // clear_refs, proc(5). Where it is refused, the peak is that of the process's whole life.
    let _refused = fs::write(format!("/proc/{process}/clear_refs"), "5");
}

/// The most memory that `process` has had.
pub fn peak_megabytes(process: i32) -> io::Result<f64> {
    status_megabytes(process, "VmHWM:")
}

/// The memory that `process` has now.
pub fn resident_megabytes(process: i32) -> io::Result<f64> {
    status_megabytes(process, "VmRSS:")
}

fn status_megabytes(process: i32, name: &str) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kilobytes: Option<f64> = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|value| value.trim().strip_suffix("kB")?.trim().parse().ok());
    kilobytes
        .map(|kilobytes| kilobytes / 1024.0)
        .ok_or_else(|| io::Error::other(format!("/proc/{process}/status has no {name}")))
}

/// From `/proc/<process>/stat`, proc(5): field 4 is the parent, 14 to 17 are user and system time, own and of children.
fn parent_and_time(process: i32) -> Option<(i32, Duration)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let (_name, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let parent = fields.get(1)?.parse().ok()?;
    let ticks = |range: std::ops::Range<usize>| {
        let fields = fields.get(range)?.iter();
        Some(TICK * fields.filter_map(|field| field.parse::<u32>().ok()).sum())
    };
    let own = ticks(11..13)?.max(time_of_threads(process));
    Some((parent, own + ticks(13..15)?))
}

/// The same without rounding, but only of threads that have not ended.
fn time_of_threads(process: i32) -> Duration {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else {
        return Duration::ZERO;
    };
    threads
        .filter_map(|thread| {
            let path = thread.ok()?.path().join("schedstat");
            let text = fs::read_to_string(path).ok()?;
            let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
            Some(Duration::from_nanos(nanoseconds))
        })
        .sum()
}
