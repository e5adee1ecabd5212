//! The opcodes of protocol 2 that a state dict needs, as in Python's `Lib/pickletools.py`.

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
