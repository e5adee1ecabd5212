use std::io::Seek;

use md5::{Digest, Md5};

use super::reader::Counted;
use crate::{Progress, Unit};

/// MD5 of a file in lower-case hexadecimal digits, as the authors of the data set publish it. Leaves the
/// file positioned at its end.
pub(super) fn md5(file: &mut fs_err::File, progress: &dyn Progress) -> std::io::Result<String> {
    file.rewind()?;
    let length = file.metadata()?.len();
    let name = file.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    crate::progress::task(progress, &format!("verify {name}"), length, Unit::Bytes, || {
        let mut hash = Md5::new();
        let reader = file;
        std::io::copy(&mut Counted { reader, progress }, &mut hash)?;
        Ok(format!("{:x}", hash.finalize()))
    })
}
