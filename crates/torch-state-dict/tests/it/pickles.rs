//! Hand-made pickles in the frame of the legacy layout.

use torch_state_dict::{Error, Limits, StateDict};

use crate::read;

const HEAD: &[u8] =
    b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.";
const NO_KEYS: &[u8] = b"\x80\x02].";
const REBUILD: &[u8] = b"ctorch._utils\n_rebuild_tensor\n";

/// A file whose object is pickled as `object`, followed by `rest`.
fn file(object: &[u8], rest: &[u8]) -> Vec<u8> {
    [HEAD, b"\x80\x02", object, b".", rest].concat()
}

/// `offset`, `shape` and `strides` are pickled; the storage `s` of two floats is the first.
fn tensor(offset: &[u8], shape: &[u8], strides: &[u8]) -> Vec<u8> {
    [REBUILD, b"(", &storage(b"K\x02"), offset, shape, strides, b"tR"].concat()
}

fn storage(elements: &[u8]) -> Vec<u8> {
    [&b"(U\x07storagectorch\nFloatStorage\nU\x01sU\x03cpu"[..], elements, b"NtQ"].concat()
}

fn entry(tensor: &[u8]) -> Vec<u8> {
    [b"}U\x01a", tensor, b"s"].concat()
}

/// The keys and data of the storage `s`.
fn data(elements: u64) -> Vec<u8> {
    let mut data = b"\x80\x02]U\x01sa.".to_vec();
    data.extend(elements.to_le_bytes());
    data.extend(1.5_f32.to_le_bytes());
    data.extend(2.5_f32.to_le_bytes());
    data
}

fn problem(object: &[u8]) -> &'static str {
    match read(&file(object, NO_KEYS)) {
        Err(Error::Pickle { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_frame_is_right() {
    assert!(read(&file(b"}", NO_KEYS)).unwrap().is_empty());
    let one = entry(&tensor(b"K\x00", b"K\x02\x85", b"K\x01\x85"));
    let state_dict = read(&file(&one, &data(2))).unwrap();
    assert_eq!(state_dict.f32("a").unwrap(), (vec![2], vec![1.5, 2.5]));
}

#[test]
fn opcodes_are_refused_by_number_and_offset() {
    let offset = HEAD.len() + 2;
    for opcode in [b'i', b'o', b'0', b'2', b'P', b'S', b'I', 0x81, 0x82, 0x8b, 0x93, 0x94, 0x95] {
        let error = read(&file(&[opcode], NO_KEYS)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("unsupported pickle opcode {opcode:#04x} at byte {offset}")
        );
    }
}

#[test]
fn globals_are_refused_by_name() {
    for (module, name) in [
        ("os", "system"),
        ("builtins", "eval"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_qtensor"),
        ("collections.OrderedDict", "fromkeys"),
        ("collections", "OrderedDict.fromkeys"),
    ] {
        let object = format!("c{module}\n{name}\n");
        let error = read(&file(object.as_bytes(), NO_KEYS)).unwrap_err();
        let expected = format!("{module}.{name}");
        assert!(matches!(&error, Error::Global { name, .. } if *name == expected), "{error}");
    }
    let long = [b"c", "ä".repeat(9000).as_bytes(), b"\nx\n"].concat();
    assert!(read(&file(&long, NO_KEYS)).unwrap_err().to_string().len() < 300);
}

#[test]
fn the_stack_never_runs_below_a_mark() {
    for object in [&b"a"[..], b"]a", b"](a", b"(\x85", b"N(\x85t", b"q\x00", b"R", b"b", b"Q", b""]
    {
        assert!(problem(object).contains("without enough values"), "{object:?}");
    }
    assert!(problem(b"t").contains("without a mark"));
    assert!(problem(b"h\x00").contains("unknown memo key"));
}

#[test]
fn operations_on_the_wrong_values_are_refused() {
    assert!(problem(b"}Na").contains("list"));
    assert!(problem(b"]NNs").contains("dictionary"));
    assert!(problem(b"}(Nu").contains("without a value"));
    assert!(problem(b"}}b").contains("`OrderedDict`"));
    assert!(problem(b"N)R").contains("global"));
    assert!(problem(b"ctorch\nFloatStorage\n)R").contains("storage class"));
    assert!(problem(b"ccollections\nOrderedDict\n]R").contains("tuple"));
    assert!(problem(b"ccollections\nOrderedDict\nK\x01\x85R").contains("pairs"));
    assert!(problem(b"NQ").contains("not a storage"));
    assert_eq!(
        read(&file(b"}NNs", NO_KEYS)).unwrap_err().to_string(),
        "a name in the dictionary is `None`, not a text"
    );
}

#[test]
fn tensors_outside_their_storage_are_refused() {
    let largest = b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f".as_slice();
    let pair = |first: &[u8], second: &[u8]| [first, second, b"\x86"].concat();
    for (offset, shape, strides) in [
        (&b"K\x01"[..], b"K\x02\x85".to_vec(), b"K\x01\x85".to_vec()),
        (b"K\x00", b"K\x02\x85".to_vec(), b"K\x02\x85".to_vec()),
        (b"K\x00", b"K\x03\x85".to_vec(), b"K\x00\x85".to_vec()),
        (largest, b"K\x01\x85".to_vec(), b"K\x01\x85".to_vec()),
        (b"K\x00", pair(largest, largest), pair(b"K\x00", b"K\x00")),
        (b"K\x00", pair(b"K\x02", b"K\x01"), pair(largest, largest)),
    ] {
        let object = entry(&tensor(offset, &shape, &strides));
        let refused = read(&file(&object, &data(2)));
        assert!(matches!(refused, Err(Error::Layout { .. })), "{refused:?}");
    }
}

#[test]
fn shapes_that_are_none_are_refused() {
    let one = b"K\x01\x85".as_slice();
    assert!(problem(&tensor(b"K\x00", b"J\xff\xff\xff\xff\x85", one)).contains("negative"));
    assert!(problem(&tensor(b"K\x00", one, b"J\xff\xff\xff\xff\x85")).contains("negative"));
    assert!(problem(&tensor(b"N", one, one)).contains("not an integer"));
    assert!(problem(&tensor(b"K\x00", b"N", one)).contains("not a tuple"));
    assert!(problem(&tensor(b"K\x00", one, b")")).contains("unequal"));
    let many = [&b"("[..], &b"K\x01".repeat(65), b"t"].concat();
    assert!(problem(&tensor(b"K\x00", &many, &many)).contains("64 dimensions"));
}

#[test]
fn a_storage_is_as_large_as_its_data() {
    let one = b"K\x01\x85".as_slice();
    let described = |elements: &[u8]| {
        entry(&[REBUILD, b"(", &storage(elements), b"K\x00", one, one, b"tR"].concat())
    };
    let two = described(b"K\x02");
    assert!(matches!(read(&file(&two, &data(3))), Err(Error::StorageSize { got: 3, .. })));
    // No memory is taken for a storage that is not there.
    let huge = described(b"J\x00\x00\x00\x0f");
    let refused = read(&file(&huge, &data(0x0f00_0000)));
    assert!(matches!(refused, Err(Error::Truncated { got: 8, .. })), "{refused:?}");
    let largest = described(b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f");
    let unlimited = Limits::default().with_unpacked_bytes(u64::MAX);
    let refused = StateDict::from_bytes_with(&file(&largest, &data(i64::MAX as u64)), &unlimited);
    assert!(matches!(refused, Err(Error::Truncated { got: 8, .. })), "{refused:?}");

    let refused = read(&file(&two, NO_KEYS));
    assert!(matches!(refused, Err(Error::StorageKey { .. })), "{refused:?}");
    let refused = read(&file(b"}", &data(2)));
    assert!(matches!(refused, Err(Error::StorageKey { .. })), "{refused:?}");
    let trailing = [data(2), vec![0]].concat();
    let refused = read(&file(&two, &trailing));
    assert!(matches!(refused, Err(Error::TrailingBytes { count: 1, .. })), "{refused:?}");
}

#[test]
fn storages_and_names_do_not_contradict_each_other() {
    let one = b"K\x01\x85".as_slice();
    let twice = [storage(b"K\x02"), storage(b"K\x03")].concat();
    assert!(problem(&twice).contains("two ways"));
    let tensor = tensor(b"K\x00", one, one);
    let object = [&b"}U\x01a"[..], &tensor, b"sU\x01a", &tensor, b"s"].concat();
    let refused = read(&file(&object, &data(2)));
    assert!(matches!(refused, Err(Error::DuplicateName { .. })), "{refused:?}");
}

#[test]
fn negated_views_are_refused() {
    let metadata = |metadata: &[u8]| {
        let start = b"ctorch._utils\n_rebuild_tensor_v2\n(".as_slice();
        let rest = b"K\x00K\x01\x85K\x01\x85\x89}".as_slice();
        entry(&[start, &storage(b"K\x02"), rest, metadata, b"tR"].concat())
    };
    assert!(problem(&metadata(b"}U\x03neg\x88s")).contains("metadata"));
    read(&file(&metadata(b"}"), &data(2))).unwrap();
    read(&file(&metadata(b"N"), &data(2))).unwrap();
    read(&file(&metadata(b""), &data(2))).unwrap();
}

/// Each of them can be asked for, and then takes memory of its own.
#[test]
fn tensors_that_share_a_storage_count_one_by_one() {
    let tensor = tensor(b"K\x00", b"K\x02\x85", b"K\x01\x85");
    let named = |name: &[u8]| [b"U\x01", name, &tensor, b"s"].concat();
    let object = [b"}".to_vec(), named(b"a"), named(b"b")].concat();
    let file = file(&object, &data(2));
    let within = |unpacked_bytes| {
        StateDict::from_bytes_with(&file, &Limits::default().with_unpacked_bytes(unpacked_bytes))
    };
    assert_eq!(within(16).unwrap().len(), 2);
    assert!(matches!(within(15), Err(Error::TooLarge { limit: 15, got: 16, .. })));
}

/// One list of pairs, turned into a dictionary again and again, would fill the memory.
#[test]
fn copies_count_as_steps() {
    let pairs = [&b"]("[..], &b"NN\x86".repeat(10_000), b"e\x85q\x00"].concat();
    let copies = b"ccollections\nOrderedDict\nh\x00R".repeat(1000);
    let refused = read(&file(&[pairs, copies].concat(), NO_KEYS));
    assert!(matches!(refused, Err(Error::TooLarge { .. })), "{refused:?}");
}

/// The deepest values that the default limit for steps allows, on a stack that a few thousand
/// calls would use up: nothing recurses with the depth of a pickle.
#[test]
fn the_deepest_nesting_takes_no_stack() {
    const STACK: usize = 128 << 10;
    let tuples = [&b")"[..], &b"\x85".repeat(999_990)].concat();
    let lists = [b"]".repeat(499_990), b"a".repeat(499_989)].concat();
    let dictionaries = [b"}N".repeat(300_000), b"}".to_vec(), b"s".repeat(300_000)].concat();
    let marks = b"(".repeat(999_990);
    let too_many = [&b")"[..], &b"\x85".repeat(4_000_000)].concat();
    for object in [tuples, lists, dictionaries, marks, too_many] {
        let file = file(&object, NO_KEYS);
        let thread = std::thread::Builder::new().stack_size(STACK);
        let refused = thread.spawn(move || read(&file).map(|_| ())).unwrap();
        assert!(refused.join().unwrap().is_err());
    }
}

#[test]
fn a_cycle_is_no_tensor() {
    let cycle = b"}q\x00U\x01ah\x00s";
    assert_eq!(
        read(&file(cycle, NO_KEYS)).unwrap_err().to_string(),
        "entry `a` is a dictionary, not a tensor"
    );
}

/// A dictionary with the tensor `name` of the storage `s`.
fn state_dict(name: &str) -> Vec<u8> {
    let tensor = tensor(b"K\x00", b"K\x02\x85", b"K\x01\x85");
    let length = name.len() as u8;
    [&b"}U"[..], &[length], name.as_bytes(), &tensor, b"s"].concat()
}

#[test]
fn the_state_dict_of_a_checkpoint_is_found() {
    for key in ["state_dict", "model_state_dict", "model"] {
        let length = [key.len() as u8];
        let below = |value: &[u8]| [&b"U"[..], &length, key.as_bytes(), value, b"s"].concat();
        let found = |object: &[u8]| {
            let state_dict = read(&file(object, &data(2))).unwrap();
            let names: Vec<_> = state_dict.iter().map(|(name, _)| name.to_owned()).collect();
            names.join(", ")
        };
        let beside = b"U\x05epochK\x03sU\x09optimizer}s";
        let object = [&b"}"[..], beside, &below(&state_dict("weight"))].concat();
        assert_eq!(found(&object), "weight", "{key}");
        // As in Python, the last of equal keys counts.
        let object = [&b"}"[..], &below(b"}"), &below(&state_dict("weight"))].concat();
        assert_eq!(found(&object), "weight", "{key}");
        // A tensor of that name is one tensor among others.
        assert_eq!(found(&state_dict(key)), key);
        // Only one level down.
        let object = [&b"}"[..], &below(&[&b"}"[..], &below(b"}")].concat())].concat();
        assert!(read(&file(&object, NO_KEYS)).is_err(), "{key}");
    }
}

#[test]
fn a_dictionary_below_another_key_is_not_guessed() {
    let object = [&b"}U\x07weights"[..], &state_dict("a"), b"s"].concat();
    let error = read(&file(&object, &data(2))).unwrap_err();
    let expected = "entry `weights` is a dictionary, not a tensor";
    assert_eq!(error.to_string(), expected);
    let hint = error.hint().unwrap();
    assert!(hint.starts_with("the file holds `weights`; "), "{hint}");
}

#[test]
fn a_prefix_that_all_names_have_is_removed() {
    let named = |name: &str| read(&file(&state_dict(name), &data(2))).unwrap();
    let plain = named("module.weight").without_prefix("module.");
    assert_eq!(plain.f32("weight").unwrap(), (vec![2], vec![1.5, 2.5]));
    assert!(plain.tensor("module.weight").is_err());
    for kept in ["weight", "module.", "my.module.weight"] {
        assert!(named(kept).without_prefix("module.").tensor(kept).is_ok());
    }
    let [first, second] = ["module.a", "b"].map(|name| {
        let entry = state_dict(name);
        entry[1..].to_vec()
    });
    let mixed = [&b"}"[..], &first, &second].concat();
    let mixed = read(&file(&mixed, &data(2))).unwrap();
    assert!(mixed.without_prefix("module.").tensor("module.a").is_ok());
}
