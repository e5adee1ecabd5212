//! Amounts of memory: parsing, and the limit of the container.

use std::path::{Path, PathBuf};

/// Parses a number of bytes: `268435456`, `256M`, `256MiB`. Units are powers of 1024.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = unit.trim().to_ascii_lowercase();
    let shift = match unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')) {
        Some(letter) => power(letter),
        None => power(&unit),
    };
    let bytes = number.parse::<u64>().ok().zip(shift);
    bytes
        .and_then(|(number, shift)| number.checked_mul(1 << shift))
        .ok_or_else(|| "expected a number of bytes such as `512M` or `2GiB`".into())
}

fn power(letter: &str) -> Option<u32> {
    match letter {
        "" => Some(0),
        "k" => Some(10),
        "m" => Some(20),
        "g" => Some(30),
        _ => None,
    }
}

/// The memory limit of this process: the smallest limit of its control group and that group's ancestors.
pub(crate) fn limit() -> Option<u64> {
    let groups = fs_err::read_to_string("/proc/self/cgroup").ok()?;
    limit_of(&groups, Path::new("/sys/fs/cgroup"))
}

fn limit_of(groups: &str, root: &Path) -> Option<u64> {
    let limits = groups.lines().flat_map(|line| files(line, root));
    limits.filter_map(|file| read(&file)).min()
}

/// The files that may contain a limit, for a line `HIERARCHY:CONTROLLERS:PATH` of `/proc/self/cgroup`.
fn files(line: &str, root: &Path) -> Vec<PathBuf> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
        return Vec::new();
    };
    let (root, name) = if controllers.is_empty() {
        (root.to_owned(), "memory.max")
    } else if controllers.split(',').any(|name| name == "memory") {
        (root.join("memory"), "memory.limit_in_bytes")
    } else {
        return Vec::new();
    };
    let path = Path::new(path.trim_start_matches('/'));
    // The last ancestor is empty, which is the root.
    path.ancestors().map(|group| root.join(group).join(name)).collect()
}

/// Reads a limit; `None` for "max" and for huge numbers, which mean no limit.
fn read(file: &Path) -> Option<u64> {
    let limit: u64 = fs_err::read_to_string(file).ok()?.trim().parse().ok()?;
    (limit < 1 << 50).then_some(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_parsed_with_and_without_units() {
        for (text, bytes) in [
            ("0", 0),
            ("1000", 1000),
            ("64k", 64 << 10),
            ("256M", 256 << 20),
            ("512MiB", 512 << 20),
            ("2 GB", 2 << 30),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "M", "1.5G", "-1", "1T", "18446744073709551615G"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_smallest_limit_of_all_ancestors_applies() {
        let root = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let file = root.path().join(file);
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            fs_err::write(file, text).unwrap();
        };
        let limit = |groups| limit_of(groups, root.path());
        assert_eq!(limit("0::/pod/box\n"), None);
        write("pod/memory.max", "536870912\n");
        write("pod/box/memory.max", "max\n");
        assert_eq!(limit("0::/pod/box\n"), Some(512 << 20));
        write("pod/box/memory.max", "268435456\n");
        assert_eq!(limit("0::/pod/box\n"), Some(256 << 20));
        assert_eq!(limit("0::/pod\n"), Some(512 << 20));

        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(limit("4:cpu,memory:/gone\n3:pids:/pod\n"), None);
        write("memory/memory.limit_in_bytes", "1048576\n");
        assert_eq!(limit("4:cpu,memory:/gone\n3:pids:/pod\n"), Some(1 << 20));
    }
}
