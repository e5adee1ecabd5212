//! The stack machine that builds the values.

use std::collections::HashMap;

use super::value::{Global, Heap, Problem, Value};
use super::{Pickle, opcode, reduce};
use crate::cursor::Cursor;
use crate::error::quoted;
use crate::{Error, Limits};

const PROTOCOL_VERSION: u8 = 2;
const UNDERFLOW: Problem = "an operation without enough values before it";

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
            _ => match opcode::read_scalar(self.cursor, code, self.offset)? {
                Some(value) => value,
                None => return self.modify(code).map(|()| None),
            },
        };
        Ok(Some(value))
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
        let reduced = reduce::reduce(&mut self.heap, function, arguments);
        let (value, steps) = self.located(reduced)?;
        self.spend(steps)?;
        Ok(value)
    }

    fn persistent(&mut self) -> Result<Value<'a>, Error> {
        let id = self.pop()?;
        let storage = reduce::storage(&mut self.heap, id);
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
