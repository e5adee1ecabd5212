//! A pickle machine for state dicts, which never executes code.
//!
//! Protocol 2 only, which `torch.save` has always used by default. Values are small and `Copy`;
//! collections live in a [`Heap`] and are referred to by position, so nothing recurses and no
//! cycle can leak.

mod value;

use std::collections::HashMap;

use value::{Global, Problem};
pub(crate) use value::{Heap, Rebuilt, Storage, Value};

use crate::cursor::Cursor;
use crate::error::quoted;
use crate::{Error, Limits};

const PROTOCOL_VERSION: u8 = 2;
const UNDERFLOW: Problem = "an operation without enough values before it";

/// The opcodes of protocol 2 that a state dict needs, as in Python's `Lib/pickletools.py`.
mod opcode {
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
}

/// A pickled object and the collections, storages and tensors that it refers to.
pub(crate) struct Pickle<'a> {
    pub(crate) root: Value<'a>,
    pub(crate) heap: Heap<'a>,
}

/// Reads one pickle; `cursor` is then behind its end.
pub(crate) fn load<'a>(cursor: &mut Cursor<'a>, limits: &Limits) -> Result<Pickle<'a>, Error> {
    let mut machine = Machine::new(cursor, limits);
    let root = loop {
        machine.offset = machine.cursor.offset();
        let code = machine.cursor.byte("a pickle opcode")?;
        if code == opcode::STOP {
            break machine.pop()?;
        }
        machine.spend(1)?;
        if let Some(value) = machine.step(code)? {
            machine.stack.push(value);
        }
    };
    Ok(Pickle { root, heap: machine.heap })
}

struct Machine<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    /// The position of the current opcode.
    offset: usize,
    heap: Heap<'a>,
    stack: Vec<Value<'a>>,
    /// Heights of the stack at which marks were set.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    steps: usize,
    max_steps: usize,
}

impl<'c, 'a> Machine<'c, 'a> {
    fn new(cursor: &'c mut Cursor<'a>, limits: &Limits) -> Self {
        Self {
            cursor,
            offset: 0,
            heap: Heap::default(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            steps: 0,
            max_steps: limits.pickle_steps,
        }
    }

    /// Counts steps, which bound the memory that a pickle can take.
    fn spend(&mut self, steps: usize) -> Result<(), Error> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > self.max_steps {
            return Err(Error::TooLarge {
                what: "number of pickle steps",
                limit: self.max_steps as u64,
                got: self.steps as u64,
            });
        }
        Ok(())
    }

    /// Runs one opcode and returns the value that the caller has to push.
    fn step(&mut self, code: u8) -> Result<Option<Value<'a>>, Error> {
        let value = match code {
            opcode::EMPTY_TUPLE => self.tuple(0)?,
            opcode::TUPLE_1 => self.tuple(1)?,
            opcode::TUPLE_2 => self.tuple(2)?,
            opcode::TUPLE_3 => self.tuple(3)?,
            opcode::TUPLE => {
                let items = self.pop_to_mark()?;
                self.heap.add_tuple(items)
            }
            opcode::EMPTY_LIST => self.heap.add_list(),
            opcode::EMPTY_DICT => self.heap.add_dict(),
            opcode::BINARY_GET | opcode::LONG_BINARY_GET => self.recall(code)?,
            opcode::GLOBAL => self.global()?,
            opcode::REDUCE => self.reduce()?,
            opcode::BINARY_PERSISTENT_ID => self.persistent()?,
            _ => match self.scalar(code)? {
                Some(value) => value,
                None => return self.modify(code).map(|()| None),
            },
        };
        Ok(Some(value))
    }

    /// The value of an opcode that stands for one by itself; `None` for opcodes of another kind.
    fn scalar(&mut self, code: u8) -> Result<Option<Value<'a>>, Error> {
        let cursor = &mut *self.cursor;
        Ok(Some(match code {
            opcode::NONE => Value::None,
            opcode::NEW_TRUE => Value::Bool(true),
            opcode::NEW_FALSE => Value::Bool(false),
            opcode::BINARY_INT => {
                Value::Int(i32::from_le_bytes(cursor.array("an integer")?).into())
            }
            opcode::BINARY_INT_1 => Value::Int(cursor.byte("an integer")?.into()),
            opcode::BINARY_INT_2 => {
                Value::Int(u16::from_le_bytes(cursor.array("an integer")?).into())
            }
            opcode::LONG_1 => {
                let length = cursor.byte("an integer's length")?;
                let bytes = cursor.take(length.into(), "an integer")?;
                self.located(long(bytes).ok_or("an integer of more than 64 bits"))?
            }
            opcode::BINARY_FLOAT => {
                cursor.array::<8>("a float")?;
                Value::Float
            }
            opcode::BINARY_UNICODE => {
                let length = u32::from_le_bytes(cursor.array("a string's length")?);
                self.text(length)?
            }
            opcode::SHORT_BINARY_STRING => {
                let length = cursor.byte("a string's length")?;
                self.text(length.into())?
            }
            _ => return Ok(None),
        }))
    }

    fn text(&mut self, length: u32) -> Result<Value<'a>, Error> {
        let bytes = self.cursor.take(length.into(), "a text")?;
        let text = std::str::from_utf8(bytes).map_err(|_| "a string that is not UTF-8");
        self.located(text.map(Value::Text))
    }

    /// Runs one of the opcodes that push nothing.
    fn modify(&mut self, code: u8) -> Result<(), Error> {
        match code {
            opcode::PROTOCOL => self.protocol(),
            opcode::MARK => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            opcode::BINARY_PUT | opcode::LONG_BINARY_PUT => self.remember(code),
            opcode::APPEND | opcode::APPENDS | opcode::SET_ITEM | opcode::SET_ITEMS => {
                self.fill(code)
            }
            opcode::BUILD => self.build(),
            _ => Err(Error::Opcode { opcode: code, offset: self.offset }),
        }
    }

    fn protocol(&mut self) -> Result<(), Error> {
        match self.cursor.byte("the pickle protocol")? {
            PROTOCOL_VERSION => Ok(()),
            got => Err(Error::Protocol { offset: self.offset, got }),
        }
    }

    /// A tuple of the `length` topmost values.
    fn tuple(&mut self, length: usize) -> Result<Value<'a>, Error> {
        let height = self.stack.len().checked_sub(length).filter(|height| *height >= self.floor());
        let height = self.located(height.ok_or(UNDERFLOW))?;
        let items = self.stack.split_off(height);
        Ok(self.heap.add_tuple(items))
    }

    /// Adds the topmost values to the collection below them.
    fn fill(&mut self, code: u8) -> Result<(), Error> {
        let items = match code {
            opcode::APPEND => vec![self.pop()?],
            opcode::SET_ITEM => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_to_mark()?,
        };
        let target = self.top()?;
        let filled = match code {
            opcode::APPEND | opcode::APPENDS => self.heap.extend(target, &items),
            _ => self.heap.insert(target, &items),
        };
        self.located(filled)
    }

    fn remember(&mut self, code: u8) -> Result<(), Error> {
        let key = self.memo_key(code == opcode::BINARY_PUT)?;
        let value = self.top()?;
        self.memo.insert(key, value);
        Ok(())
    }

    fn recall(&mut self, code: u8) -> Result<Value<'a>, Error> {
        let key = self.memo_key(code == opcode::BINARY_GET)?;
        self.located(self.memo.get(&key).copied().ok_or("an unknown memo key"))
    }

    fn memo_key(&mut self, short: bool) -> Result<u32, Error> {
        if short {
            return Ok(self.cursor.byte("a memo key")?.into());
        }
        Ok(u32::from_le_bytes(self.cursor.array("a memo key")?))
    }

    fn global(&mut self) -> Result<Value<'a>, Error> {
        let module = self.cursor.line("a module's name")?;
        let name = self.cursor.line("a global's name")?;
        let global = Global::find(module, name).ok_or_else(|| {
            let readable = |bytes| quoted(&String::from_utf8_lossy(bytes));
            let name = format!("{}.{}", readable(module), readable(name));
            Error::Global { name, offset: self.offset }
        })?;
        Ok(Value::Global(global))
    }

    fn reduce(&mut self) -> Result<Value<'a>, Error> {
        let arguments = self.pop()?;
        let function = self.pop()?;
        let reduced = self.heap.reduce(function, arguments);
        let (value, steps) = self.located(reduced)?;
        self.spend(steps)?;
        Ok(value)
    }

    fn persistent(&mut self) -> Result<Value<'a>, Error> {
        let id = self.pop()?;
        let storage = self.heap.storage_of(id);
        self.located(storage)
    }

    /// A module's state dict carries the attribute `_metadata`, which says nothing about tensors.
    fn build(&mut self) -> Result<(), Error> {
        self.pop()?;
        match self.top()? {
            Value::OrderedDict(_) => Ok(()),
            _ => self.located(Err("attributes for something other than an `OrderedDict`")),
        }
    }

    fn pop(&mut self) -> Result<Value<'a>, Error> {
        let value = self.top()?;
        self.stack.pop();
        Ok(value)
    }

    fn top(&self) -> Result<Value<'a>, Error> {
        let above = self.stack.get(self.floor()..).unwrap_or_default();
        self.located(above.last().copied().ok_or(UNDERFLOW))
    }

    /// The values above the last mark, which is removed with them.
    fn pop_to_mark(&mut self) -> Result<Vec<Value<'a>>, Error> {
        let mark = self.marks.pop().ok_or("an operation without a mark");
        let mark = self.located(mark)?;
        // Values below a mark are never popped, so the stack is at least as high.
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    /// The height of the last mark; nothing below it may be popped.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn located<T>(&self, result: Result<T, Problem>) -> Result<T, Error> {
        result.map_err(|problem| Error::Pickle { offset: self.offset, problem })
    }
}

/// An integer in as few little-endian bytes as it needs, with its sign in the highest bit.
fn long(bytes: &[u8]) -> Option<Value<'static>> {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut extended = [if negative { 0xff } else { 0 }; 8];
    extended.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(Value::Int(i64::from_le_bytes(extended)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Pickle<'_>, Error> {
        load(&mut Cursor::new(bytes), &Limits::default())
    }

    fn only(bytes: &[u8]) -> Value<'_> {
        let mut cursor = Cursor::new(bytes);
        let value = load(&mut cursor, &Limits::default()).unwrap().root;
        cursor.finish().unwrap();
        value
    }

    #[test]
    fn integers_keep_their_sign() {
        assert_eq!(only(b"K\xff."), Value::Int(255));
        assert_eq!(only(b"M\xff\xff."), Value::Int(65535));
        assert_eq!(only(b"J\xff\xff\xff\xff."), Value::Int(-1));
        assert_eq!(only(b"\x8a\x00."), Value::Int(0));
        assert_eq!(only(b"\x8a\x01\xff."), Value::Int(-1));
        assert_eq!(only(b"\x8a\x02\xff\x00."), Value::Int(255));
        assert_eq!(only(b"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."), Value::Int(i64::MIN));
    }

    #[test]
    fn wider_integers_are_refused() {
        let refused = read(b"NN\x8a\x09123456789.");
        assert!(matches!(refused, Err(Error::Pickle { offset: 2, .. })));
    }

    #[test]
    fn texts_are_utf8_and_within_the_data() {
        assert_eq!(only(b"X\x02\x00\x00\x00\xc3\xb6."), Value::Text("ö"));
        assert_eq!(only(b"U\x01a."), Value::Text("a"));
        assert!(matches!(read(b"U\x01\xff."), Err(Error::Pickle { .. })));
        assert!(matches!(
            read(b"X\xff\xff\xff\xffabc"),
            Err(Error::Truncated { expected: 0xffff_ffff, got: 3, .. })
        ));
    }
}
