//! The opcodes of protocol 2 that a state dict needs, as in Python's `Lib/pickletools.py`, and the
//! reading of those that stand for a value by themselves.

use super::value::Value;
use crate::Error;
use crate::cursor::Cursor;

pub(super) const MARK: u8 = b'(';
pub(super) const STOP: u8 = b'.';
pub(super) const PROTOCOL: u8 = 0x80;

pub(super) const NONE: u8 = b'N';
pub(super) const NEW_TRUE: u8 = 0x88;
pub(super) const NEW_FALSE: u8 = 0x89;
pub(super) const BINARY_INT: u8 = b'J';
pub(super) const BINARY_INT_1: u8 = b'K';
pub(super) const BINARY_INT_2: u8 = b'M';
pub(super) const LONG_1: u8 = 0x8a;
pub(super) const BINARY_FLOAT: u8 = b'G';
pub(super) const BINARY_UNICODE: u8 = b'X';
/// Python 2 wrote names with it.
pub(super) const SHORT_BINARY_STRING: u8 = b'U';

pub(super) const EMPTY_TUPLE: u8 = b')';
pub(super) const TUPLE: u8 = b't';
pub(super) const TUPLE_1: u8 = 0x85;
pub(super) const TUPLE_2: u8 = 0x86;
pub(super) const TUPLE_3: u8 = 0x87;
pub(super) const EMPTY_LIST: u8 = b']';
pub(super) const APPEND: u8 = b'a';
pub(super) const APPENDS: u8 = b'e';
pub(super) const EMPTY_DICT: u8 = b'}';
pub(super) const SET_ITEM: u8 = b's';
pub(super) const SET_ITEMS: u8 = b'u';

pub(super) const BINARY_GET: u8 = b'h';
pub(super) const LONG_BINARY_GET: u8 = b'j';
pub(super) const BINARY_PUT: u8 = b'q';
pub(super) const LONG_BINARY_PUT: u8 = b'r';

pub(super) const GLOBAL: u8 = b'c';
pub(super) const REDUCE: u8 = b'R';
pub(super) const BUILD: u8 = b'b';
pub(super) const BINARY_PERSISTENT_ID: u8 = b'Q';

/// The value of the opcode `code` at `offset`; `None` for opcodes of another kind.
pub(super) fn read_scalar<'a>(
    cursor: &mut Cursor<'a>,
    code: u8,
    offset: usize,
) -> Result<Option<Value<'a>>, Error> {
    Ok(Some(match code {
        NONE => Value::None,
        NEW_TRUE => Value::Bool(true),
        NEW_FALSE => Value::Bool(false),
        BINARY_INT => Value::Int(i32::from_le_bytes(cursor.array("an integer")?).into()),
        BINARY_INT_1 => Value::Int(cursor.byte("an integer")?.into()),
        BINARY_INT_2 => Value::Int(u16::from_le_bytes(cursor.array("an integer")?).into()),
        LONG_1 => {
            let length = cursor.byte("an integer's length")?;
            long(cursor.take(length.into(), "an integer")?, offset)?
        }
        BINARY_FLOAT => {
            cursor.array::<8>("a float")?;
            Value::Float
        }
        BINARY_UNICODE => {
            let length = u32::from_le_bytes(cursor.array("a string's length")?);
            text(cursor.take(length.into(), "a text")?, offset)?
        }
        SHORT_BINARY_STRING => {
            let length = cursor.byte("a string's length")?;
            text(cursor.take(length.into(), "a text")?, offset)?
        }
        _ => return Ok(None),
    }))
}

/// An integer in as few little-endian bytes as it needs, with its sign in the highest bit.
fn long(bytes: &[u8], offset: usize) -> Result<Value<'static>, Error> {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut extended = [if negative { 0xff } else { 0 }; 8];
    let problem = "an integer of more than 64 bits";
    let low = extended.get_mut(..bytes.len()).ok_or(Error::Pickle { offset, problem })?;
    low.copy_from_slice(bytes);
    Ok(Value::Int(i64::from_le_bytes(extended)))
}

fn text(bytes: &[u8], offset: usize) -> Result<Value<'_>, Error> {
    let problem = "a string that is not UTF-8";
    let text = std::str::from_utf8(bytes).map_err(|_| Error::Pickle { offset, problem })?;
    Ok(Value::Text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(bytes: &[u8]) -> Value<'_> {
        let mut cursor = Cursor::new(bytes);
        let code = cursor.byte("opcode").unwrap();
        let value = read_scalar(&mut cursor, code, 0).unwrap().unwrap();
        cursor.finish().unwrap();
        value
    }

    #[test]
    fn integers_keep_their_sign() {
        assert_eq!(only(b"K\xff"), Value::Int(255));
        assert_eq!(only(b"M\xff\xff"), Value::Int(65535));
        assert_eq!(only(b"J\xff\xff\xff\xff"), Value::Int(-1));
        assert_eq!(only(b"\x8a\x00"), Value::Int(0));
        assert_eq!(only(b"\x8a\x01\xff"), Value::Int(-1));
        assert_eq!(only(b"\x8a\x02\xff\x00"), Value::Int(255));
        assert_eq!(only(b"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80"), Value::Int(i64::MIN));
    }

    #[test]
    fn wider_integers_are_refused() {
        let mut cursor = Cursor::new(&[9; 10]);
        assert!(matches!(
            read_scalar(&mut cursor, LONG_1, 5),
            Err(Error::Pickle { offset: 5, .. })
        ));
    }

    #[test]
    fn texts_are_utf8_and_within_the_data() {
        assert_eq!(only(b"X\x02\x00\x00\x00\xc3\xb6"), Value::Text("ö"));
        assert_eq!(only(b"U\x01a"), Value::Text("a"));
        let mut cursor = Cursor::new(b"\x01\xff");
        assert!(matches!(
            read_scalar(&mut cursor, SHORT_BINARY_STRING, 0),
            Err(Error::Pickle { .. })
        ));
        let mut cursor = Cursor::new(b"\xff\xff\xff\xffabc");
        assert!(matches!(
            read_scalar(&mut cursor, BINARY_UNICODE, 0),
            Err(Error::Truncated { expected: 0xffff_ffff, got: 3, .. })
        ));
    }
}
