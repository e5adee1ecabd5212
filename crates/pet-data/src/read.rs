use std::io::Read as _;
use std::path::Path;

/// Reads a file, but at most one byte more than `limit`: enough for the caller to reject it.
///
/// # Errors
///
/// That of the operating system, with the path.
pub fn read_at_most(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs_err::File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
