use std::io::{Read, Seek};

use md5::{Digest, Md5};

use crate::{Progress, Unit};

const BUFFER: usize = 1 << 18;

/// MD5 of a whole file in lower-case hexadecimal digits, as the data set's authors give it.
///
/// Leaves the file positioned at its end.
pub(super) fn md5(file: &mut fs_err::File, progress: &dyn Progress) -> std::io::Result<String> {
    file.rewind()?;
    let length = file.metadata()?.len();
    let name = file
        .path()
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    crate::progress::task(
        progress,
        &format!("verify {name}"),
        length,
        Unit::Bytes,
        || {
            let mut hash = Md5::new();
            let mut buffer = vec![0; BUFFER];
            loop {
                let count = file.read(&mut buffer)?;
                if count == 0 {
                    return Ok(format!("{:x}", hash.finalize()));
                }
                hash.update(buffer.get(..count).unwrap_or_default());
                progress.advance(count as u64);
            }
        },
    )
}
