//! The opcodes that stand for a value by themselves.

use super::opcode;
use super::value::Value;
use crate::Error;
use crate::cursor::Cursor;

/// The value that the opcode `code` at `offset` stands for; `None` for opcodes of another sort.
pub(super) fn read<'a>(
    cursor: &mut Cursor<'a>,
    code: u8,
    offset: usize,
) -> Result<Option<Value<'a>>, Error> {
    Ok(Some(match code {
        opcode::NONE => Value::None,
        opcode::NEW_TRUE => Value::Bool(true),
        opcode::NEW_FALSE => Value::Bool(false),
        opcode::BINARY_INT => Value::Int(i32::from_le_bytes(cursor.array("an integer")?).into()),
        opcode::BINARY_INT_1 => Value::Int(cursor.byte("an integer")?.into()),
        opcode::BINARY_INT_2 => Value::Int(u16::from_le_bytes(cursor.array("an integer")?).into()),
        opcode::LONG_1 => {
            let length = cursor.byte("an integer's length")?;
            long(cursor.take(length.into(), "an integer")?, offset)?
        }
        opcode::BINARY_FLOAT => {
            cursor.array::<8>("a float")?;
            Value::Float
        }
        opcode::BINARY_UNICODE => {
            let length = u32::from_le_bytes(cursor.array("a text's length")?);
            text(cursor.take(length.into(), "a text")?, offset)?
        }
        opcode::SHORT_BINARY_STRING => {
            let length = cursor.byte("a text's length")?;
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
    let low = extended
        .get_mut(..bytes.len())
        .ok_or(Error::Pickle { offset, problem })?;
    low.copy_from_slice(bytes);
    Ok(Value::Int(i64::from_le_bytes(extended)))
}

fn text(bytes: &[u8], offset: usize) -> Result<Value<'_>, Error> {
    let problem = "a text that is not UTF-8";
    let text = std::str::from_utf8(bytes).map_err(|_| Error::Pickle { offset, problem })?;
    Ok(Value::Text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(bytes: &[u8]) -> Value<'_> {
        let mut cursor = Cursor::new(bytes);
        let code = cursor.byte("opcode").unwrap();
        let value = read(&mut cursor, code, 0).unwrap().unwrap();
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
        assert_eq!(
            only(b"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80"),
            Value::Int(i64::MIN)
        );
    }

    #[test]
    fn wider_integers_are_refused() {
        let mut cursor = Cursor::new(&[9; 10]);
        assert!(matches!(
            read(&mut cursor, opcode::LONG_1, 5),
            Err(Error::Pickle { offset: 5, .. })
        ));
    }

    #[test]
    fn texts_are_utf8_and_within_the_data() {
        assert_eq!(only(b"X\x02\x00\x00\x00\xc3\xb6"), Value::Text("ö"));
        assert_eq!(only(b"U\x01a"), Value::Text("a"));
        let mut cursor = Cursor::new(b"\x01\xff");
        assert!(matches!(
            read(&mut cursor, opcode::SHORT_BINARY_STRING, 0),
            Err(Error::Pickle { .. })
        ));
        let mut cursor = Cursor::new(b"\xff\xff\xff\xffabc");
        assert!(matches!(
            read(&mut cursor, opcode::BINARY_UNICODE, 0),
            Err(Error::Truncated {
                expected: 0xffff_ffff,
                got: 3,
                ..
            })
        ));
    }
}
